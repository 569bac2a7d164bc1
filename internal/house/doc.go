// Package house states who may import whom (its test is the only content), so
// that a wall is moved on purpose or not at all.
package house

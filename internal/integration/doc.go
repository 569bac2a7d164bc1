// Package integration holds tests that need libraries which nothing that is
// shipped may depend on. It is a module of its own, so that they stand in no
// program's list of dependencies.
package integration

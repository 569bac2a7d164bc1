// Package chart draws telemetry over time as one SVG file: temperature, power,
// clocks, and when each GPU was throttled. It has no script, no font and no link;
// every text of the node is cleaned and escaped, for it is hostile. It draws and judges nothing.
package chart

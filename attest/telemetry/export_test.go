package telemetry

var (
	Pack     = pack
	Unpack   = unpack
	Compress = compress
)

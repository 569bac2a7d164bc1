package census

// payload are the types of a census that are no ggml type of their own, with the
// bits of one weight without its scales.
var payload = map[string]uint64{
	"f64": 64, "f32": 32, "f16": 16, "bf16": 16, "fp8-e4m3": 8, "fp8-e5m2": 8, "fp6": 6, "fp4": 4, "nf4": 4,
	"int8": 8, "int4": 4, "int3": 3, "int2": 2, "mxfp4": 4, "nvfp4": 4,
}

// payloadBits is the bits of one weight without scales: what a name like int4,
// q4_k or nvfp4 promises. ok is false for a type that no census has.
func payloadBits(name string) (n uint64, ok bool) {
	if n, ok = payload[name]; ok {
		return n, true
	}
	g, ok := ggmlByName(name)
	if !ok || g.integer() {
		return 0, false
	}
	for _, c := range name { // q8_0, iq2_xxs, tq1_0: the first digit
		if c >= '1' && c <= '8' {
			return uint64(c - '0'), true
		}
	}
	return 0, false
}

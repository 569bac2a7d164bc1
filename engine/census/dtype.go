package census

// dtype is a storage type of a safetensors header.
type dtype uint8

const (
	dUnknown dtype = iota
	dBool
	dU8
	dI8
	dF8E4M3
	dF8E5M2
	dF8E8M0
	dF6
	dF4
	dI16
	dU16
	dF16
	dBF16
	dI32
	dU32
	dF32
	dI64
	dU64
	dF64
	dC64
)

// storage are the names of the safetensors format (0.6) and their widths. What a
// packed type means is decided in pack.go; logical is the parameter type of a
// tensor that stands for itself, empty where it cannot.
var storage = map[string]struct {
	dtype   dtype
	bits    uint64
	logical string
}{
	"BOOL": {dBool, 8, ""}, "U8": {dU8, 8, ""}, "I8": {dI8, 8, ""}, "I16": {dI16, 16, ""}, "U16": {dU16, 16, ""},
	"I32": {dI32, 32, ""}, "U32": {dU32, 32, ""}, "I64": {dI64, 64, ""}, "U64": {dU64, 64, ""}, "C64": {dC64, 64, ""},
	"F4": {dF4, 4, ""}, "F6_E2M3": {dF6, 6, "fp6"}, "F6_E3M2": {dF6, 6, "fp6"}, "F8_E8M0": {dF8E8M0, 8, ""},
	"F8_E4M3": {dF8E4M3, 8, "fp8-e4m3"}, "F8_E4M3FNUZ": {dF8E4M3, 8, "fp8-e4m3"},
	"F8_E5M2": {dF8E5M2, 8, "fp8-e5m2"}, "F8_E5M2FNUZ": {dF8E5M2, 8, "fp8-e5m2"},
	"F16": {dF16, 16, "f16"}, "BF16": {dBF16, 16, "bf16"}, "F32": {dF32, 32, "f32"}, "F64": {dF64, 64, "f64"},
}

// native is the parameter type of a tensor that stands for itself.
func (d dtype) native() string {
	for _, s := range storage {
		if s.dtype == d && s.logical != "" {
			return s.logical
		}
	}
	return ""
}

func (d dtype) float() bool { return d == dF16 || d == dBF16 || d == dF32 || d == dF64 }

// fp8: the type is the parameter's, whatever scales it.
func (d dtype) fp8() bool { return d == dF8E4M3 || d == dF8E5M2 }

// exponent: the power-of-two scales of the MX formats (OCP MX 1.0, section 5.4.1).
func (d dtype) exponent() bool { return d == dU8 || d == dF8E8M0 }

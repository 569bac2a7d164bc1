//go:build !amd64

package sha256x16

// Available says that this processor hashes sixteen messages side by side.
func Available() bool { return false }

func sum16(*[8][Lanes]uint32, *[Lanes * MessageSize]byte, *[8]uint32, *[64]uint32) {
	panic("sha256x16: no assembly for this processor") // Available is false: New leaves wide unset
}

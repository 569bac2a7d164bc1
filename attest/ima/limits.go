package ima

// Limits of this package, bytes unless stated.
const (
	// MaxName bounds a template name; the kernel's own restore of a list allows 255 (ima_template.c, MAX_TEMPLATE_NAME_LEN).
	MaxName = 256
	// MaxData bounds the template data of one entry. Extended attributes (evm-sig) and
	// buffers (ima-buf) are the longest; both stay below 128 KiB.
	MaxData = 256 << 10
	// MaxPath bounds the name field: PATH_MAX and its terminator, and room for the kernel's " (deleted)".
	MaxPath = 4096 + 64
	// MinDigest and MaxDigest bound a digest of any algorithm: MD5's is the kernel's shortest.
	MinDigest, MaxDigest = 16, 64
	// MaxEntry bounds a whole record.
	MaxEntry = headerSize + MaxName + 4 + MaxData
	// MaxEntries bounds the entries of one part, elements. Real ones have 80 bytes at least.
	MaxEntries = 1 << 17
)

const (
	// PCR is the register that the kernel extends unless a policy rule or its build says otherwise.
	PCR = 10

	maxPCR       = 24         // registers 0 to 23: PC Client Platform TPM Profile
	maxFixedName = 255        // ima.h, IMA_EVENT_NAME_LEN_MAX: template "ima"
	headerSize   = 4 + 20 + 4 // PCR, template hash, length of the name
)

// Package ima reads the measurement list of Linux' Integrity Measurement
// Architecture (/sys/kernel/security/ima/binary_runtime_measurements), replays
// it into TPM register 10, and finds the longest prefix of it that gives a
// quoted register. Nothing signs a list: it is worth exactly what replays.
//
// # Framing
//
// One record after another (Linux security/integrity/ima/ima_fs.c,
// ima_measurements_show):
//
//	u32 PCR | 20 bytes template hash | u32 n | n bytes template name | u32 m | m bytes template data
//
// The template "ima" alone has no m: its data is a 20-byte digest, a u32 and
// that many bytes of name. The kernel writes integers in the order of its
// processor, or little-endian with ima_canonical_fmt. This package reads
// little-endian, which is both on x86 and arm64; a big-endian list is malformed.
//
// # What replay shows, and what it does not
//
// The register is extended with a hash of the template data alone (for "ima":
// the digest and the name padded to 256 bytes). So in the matching prefix:
//   - the data of visible entries of PCR 10 is what the kernel measured;
//   - PCR index and template name are not hashed. A relabelled record replays.
//     Only the kernel's built-in templates are Understood: under each of them an entry
//     shows the same digest and the same name, or nothing. A buffer must have the digest
//     stated, as the kernel's have, so that no file's signature is shown as one;
//   - an entry of another PCR does not move register 10: it can be invented, changed or left out;
//   - a violation (template hash all zero) extends 0xff bytes: that there was
//     one is shown, its data is not;
//   - behind the prefix nothing is shown at all.
//
// # Hidden entries
//
// A node may hide an entry of no concern to the reader. The record keeps its
// length, place, PCR index and template hash. Its template name is
// "hallmark-digest" (15 bytes, without padding) and its data, which fills the
// record, is the SHA-256 of the original template hash input (32 bytes, what
// the kernel extended into the SHA-256 bank) and zeros:
//
//	u32 PCR | 20 bytes template hash as before | u32 15 | "hallmark-digest" | u32 T-47 | 32 bytes SHA-256 | T-79 zeros
//
// where T is the length of the whole record, before and after. An entry shorter
// than 79 bytes, a violation and a boot_aggregate stay visible. A reader refuses
// other bytes than zeros behind the digest, data below 32 bytes, a zero template hash,
// and hidden entries in another bank than SHA-256: the kernel hashes the data
// anew for each bank.
//
// # Invariants
//
// Every length is compared with a limit before use. Parsing copies the records that it
// returns, once, and allocates nothing per entry. Returned values alias the part and are not to be written to.
package ima

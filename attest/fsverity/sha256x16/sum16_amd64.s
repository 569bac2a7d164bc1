#include "textflag.h"

// SHA-256 (FIPS 180-4, section 6.2) of sixteen messages side by side. Each
// 32-bit lane of a register belongs to one message:
//
//	Z0-Z7    working variables a to h
//	Z8-Z15   scratch
//	Z16-Z31  message schedule, sixteen words, replaced in place
//
// Ch and Maj are one VPTERNLOGD each, so is the exclusive or of three: its
// immediate is the truth table, with the register that is overwritten as the
// highest bit. The rotations all go to one of the two vector ports of an Intel
// core, the transposition to the other; the rest fills up both.

// CORE is a round after h += K[t] + W[t], with the new e left in d and the new a in h.
#define CORE(a, b, c, d, e, f, g, h) \
	VPRORD $6, e, Z9; \
	VPRORD $11, e, Z10; \
	VPRORD $25, e, Z11; \
	VMOVDQA32 e, Z12; \
	VPTERNLOGD $0xca, g, f, Z12; \
	VPADDD Z12, h, h; \
	VPTERNLOGD $0x96, Z10, Z11, Z9; \
	VPADDD Z9, h, h; \
	VPADDD h, d, d; \
	VPRORD $2, a, Z13; \
	VPRORD $13, a, Z14; \
	VPRORD $22, a, Z15; \
	VMOVDQA32 a, Z12; \
	VPTERNLOGD $0xe8, c, b, Z12; \
	VPADDD Z12, h, h; \
	VPTERNLOGD $0x96, Z14, Z15, Z13; \
	VPADDD Z13, h, h

// ROUND takes its word from w and its constant from K at k.
#define ROUND(a, b, c, d, e, f, g, h, w, k) \
	VPADDD.BCST (k*4)(R9), w, Z8; \
	VPADDD Z8, h, h; \
	CORE(a, b, c, d, e, f, g, h)

// SCHED turns W[t-16] in w0 into W[t], from W[t-15], W[t-7] and W[t-2].
#define SCHED(w0, w1, w9, w14) \
	VPRORD $7, w1, Z9; \
	VPRORD $18, w1, Z10; \
	VPSRLD $3, w1, Z11; \
	VPADDD w9, w0, w0; \
	VPTERNLOGD $0x96, Z10, Z11, Z9; \
	VPRORD $17, w14, Z13; \
	VPRORD $19, w14, Z14; \
	VPSRLD $10, w14, Z15; \
	VPADDD Z9, w0, w0; \
	VPTERNLOGD $0x96, Z14, Z15, Z13; \
	VPADDD Z13, w0, w0

// STEP is a round whose word is needed again sixteen rounds later.
#define STEP(a, b, c, d, e, f, g, h, w0, w1, w9, w14, k) \
	ROUND(a, b, c, d, e, f, g, h, w0, k); \
	SCHED(w0, w1, w9, w14)

// PAD is a round of the last message block, the same for every message: K[t] + W[t] is a table.
#define PAD(a, b, c, d, e, f, g, h, k) \
	VPADDD.BCST (k*4)(R10), h, h; \
	CORE(a, b, c, d, e, f, g, h)

// LOAD4 reads 64 bytes of four messages, from p on, and leaves word 4q+i of them
// side by side in 128-bit group q of wi.
#define LOAD4(p, w0, w1, w2, w3) \
	VMOVDQU32 (p), Z8; \
	VMOVDQU32 4096(p), Z9; \
	VMOVDQU32 8192(p), Z10; \
	VMOVDQU32 12288(p), Z11; \
	VPSHUFB Z15, Z8, Z8; \
	VPSHUFB Z15, Z9, Z9; \
	VPSHUFB Z15, Z10, Z10; \
	VPSHUFB Z15, Z11, Z11; \
	VPUNPCKLDQ Z9, Z8, Z12; \
	VPUNPCKHDQ Z9, Z8, Z8; \
	VPUNPCKLDQ Z11, Z10, Z13; \
	VPUNPCKHDQ Z11, Z10, Z10; \
	VPUNPCKLQDQ Z13, Z12, w0; \
	VPUNPCKHQDQ Z13, Z12, w1; \
	VPUNPCKLQDQ Z10, Z8, w2; \
	VPUNPCKHQDQ Z10, Z8, w3

// TURN transposes the 128-bit groups of four registers: 4x4 words become 16 of one word each.
#define TURN(r0, r1, r2, r3) \
	VSHUFI32X4 $0x88, r1, r0, Z8; \
	VSHUFI32X4 $0xdd, r1, r0, Z9; \
	VSHUFI32X4 $0x88, r3, r2, Z10; \
	VSHUFI32X4 $0xdd, r3, r2, Z11; \
	VSHUFI32X4 $0x88, Z10, Z8, r0; \
	VSHUFI32X4 $0x88, Z11, Z9, r1; \
	VSHUFI32X4 $0xdd, Z10, Z8, r2; \
	VSHUFI32X4 $0xdd, Z11, Z9, r3

// func sum16(out *[8][16]uint32, data *[65536]byte, state *[8]uint32, pad *[64]uint32)
//
// The working variables of the block before lie in the frame, aligned to 64
// bytes, while a block is hashed.
TEXT ·sum16(SB), NOSPLIT, $576-32
	MOVQ out+0(FP), DI
	MOVQ data+8(FP), SI
	MOVQ state+16(FP), AX
	MOVQ pad+24(FP), R10
	LEAQ roundConstants<>(SB), R9
	LEAQ 63(SP), R8
	ANDQ $~63, R8
	LEAQ 16384(SI), R11
	LEAQ 32768(SI), R12
	LEAQ 49152(SI), R13
	VPBROADCASTD 0(AX), Z0
	VPBROADCASTD 4(AX), Z1
	VPBROADCASTD 8(AX), Z2
	VPBROADCASTD 12(AX), Z3
	VPBROADCASTD 16(AX), Z4
	VPBROADCASTD 20(AX), Z5
	VPBROADCASTD 24(AX), Z6
	VPBROADCASTD 28(AX), Z7
	MOVQ $64, CX

block:
	VMOVDQA32 Z0, 0(R8)
	VMOVDQA32 Z1, 64(R8)
	VMOVDQA32 Z2, 128(R8)
	VMOVDQA32 Z3, 192(R8)
	VMOVDQA32 Z4, 256(R8)
	VMOVDQA32 Z5, 320(R8)
	VMOVDQA32 Z6, 384(R8)
	VMOVDQA32 Z7, 448(R8)
	VBROADCASTI32X4 byteSwap<>(SB), Z15
	LOAD4(SI, Z16, Z17, Z18, Z19)
	LOAD4(R11, Z20, Z21, Z22, Z23)
	LOAD4(R12, Z24, Z25, Z26, Z27)
	LOAD4(R13, Z28, Z29, Z30, Z31)
	TURN(Z16, Z20, Z24, Z28)
	TURN(Z17, Z21, Z25, Z29)
	TURN(Z18, Z22, Z26, Z30)
	TURN(Z19, Z23, Z27, Z31)
	ADDQ $64, SI
	ADDQ $64, R11
	ADDQ $64, R12
	ADDQ $64, R13

	STEP(Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z16, Z17, Z25, Z30, 0)
	STEP(Z7, Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z17, Z18, Z26, Z31, 1)
	STEP(Z6, Z7, Z0, Z1, Z2, Z3, Z4, Z5, Z18, Z19, Z27, Z16, 2)
	STEP(Z5, Z6, Z7, Z0, Z1, Z2, Z3, Z4, Z19, Z20, Z28, Z17, 3)
	STEP(Z4, Z5, Z6, Z7, Z0, Z1, Z2, Z3, Z20, Z21, Z29, Z18, 4)
	STEP(Z3, Z4, Z5, Z6, Z7, Z0, Z1, Z2, Z21, Z22, Z30, Z19, 5)
	STEP(Z2, Z3, Z4, Z5, Z6, Z7, Z0, Z1, Z22, Z23, Z31, Z20, 6)
	STEP(Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z0, Z23, Z24, Z16, Z21, 7)
	STEP(Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z24, Z25, Z17, Z22, 8)
	STEP(Z7, Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z25, Z26, Z18, Z23, 9)
	STEP(Z6, Z7, Z0, Z1, Z2, Z3, Z4, Z5, Z26, Z27, Z19, Z24, 10)
	STEP(Z5, Z6, Z7, Z0, Z1, Z2, Z3, Z4, Z27, Z28, Z20, Z25, 11)
	STEP(Z4, Z5, Z6, Z7, Z0, Z1, Z2, Z3, Z28, Z29, Z21, Z26, 12)
	STEP(Z3, Z4, Z5, Z6, Z7, Z0, Z1, Z2, Z29, Z30, Z22, Z27, 13)
	STEP(Z2, Z3, Z4, Z5, Z6, Z7, Z0, Z1, Z30, Z31, Z23, Z28, 14)
	STEP(Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z0, Z31, Z16, Z24, Z29, 15)
	STEP(Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z16, Z17, Z25, Z30, 16)
	STEP(Z7, Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z17, Z18, Z26, Z31, 17)
	STEP(Z6, Z7, Z0, Z1, Z2, Z3, Z4, Z5, Z18, Z19, Z27, Z16, 18)
	STEP(Z5, Z6, Z7, Z0, Z1, Z2, Z3, Z4, Z19, Z20, Z28, Z17, 19)
	STEP(Z4, Z5, Z6, Z7, Z0, Z1, Z2, Z3, Z20, Z21, Z29, Z18, 20)
	STEP(Z3, Z4, Z5, Z6, Z7, Z0, Z1, Z2, Z21, Z22, Z30, Z19, 21)
	STEP(Z2, Z3, Z4, Z5, Z6, Z7, Z0, Z1, Z22, Z23, Z31, Z20, 22)
	STEP(Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z0, Z23, Z24, Z16, Z21, 23)
	STEP(Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z24, Z25, Z17, Z22, 24)
	STEP(Z7, Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z25, Z26, Z18, Z23, 25)
	STEP(Z6, Z7, Z0, Z1, Z2, Z3, Z4, Z5, Z26, Z27, Z19, Z24, 26)
	STEP(Z5, Z6, Z7, Z0, Z1, Z2, Z3, Z4, Z27, Z28, Z20, Z25, 27)
	STEP(Z4, Z5, Z6, Z7, Z0, Z1, Z2, Z3, Z28, Z29, Z21, Z26, 28)
	STEP(Z3, Z4, Z5, Z6, Z7, Z0, Z1, Z2, Z29, Z30, Z22, Z27, 29)
	STEP(Z2, Z3, Z4, Z5, Z6, Z7, Z0, Z1, Z30, Z31, Z23, Z28, 30)
	STEP(Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z0, Z31, Z16, Z24, Z29, 31)
	STEP(Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z16, Z17, Z25, Z30, 32)
	STEP(Z7, Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z17, Z18, Z26, Z31, 33)
	STEP(Z6, Z7, Z0, Z1, Z2, Z3, Z4, Z5, Z18, Z19, Z27, Z16, 34)
	STEP(Z5, Z6, Z7, Z0, Z1, Z2, Z3, Z4, Z19, Z20, Z28, Z17, 35)
	STEP(Z4, Z5, Z6, Z7, Z0, Z1, Z2, Z3, Z20, Z21, Z29, Z18, 36)
	STEP(Z3, Z4, Z5, Z6, Z7, Z0, Z1, Z2, Z21, Z22, Z30, Z19, 37)
	STEP(Z2, Z3, Z4, Z5, Z6, Z7, Z0, Z1, Z22, Z23, Z31, Z20, 38)
	STEP(Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z0, Z23, Z24, Z16, Z21, 39)
	STEP(Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z24, Z25, Z17, Z22, 40)
	STEP(Z7, Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z25, Z26, Z18, Z23, 41)
	STEP(Z6, Z7, Z0, Z1, Z2, Z3, Z4, Z5, Z26, Z27, Z19, Z24, 42)
	STEP(Z5, Z6, Z7, Z0, Z1, Z2, Z3, Z4, Z27, Z28, Z20, Z25, 43)
	STEP(Z4, Z5, Z6, Z7, Z0, Z1, Z2, Z3, Z28, Z29, Z21, Z26, 44)
	STEP(Z3, Z4, Z5, Z6, Z7, Z0, Z1, Z2, Z29, Z30, Z22, Z27, 45)
	STEP(Z2, Z3, Z4, Z5, Z6, Z7, Z0, Z1, Z30, Z31, Z23, Z28, 46)
	STEP(Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z0, Z31, Z16, Z24, Z29, 47)
	ROUND(Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z16, 48)
	ROUND(Z7, Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z17, 49)
	ROUND(Z6, Z7, Z0, Z1, Z2, Z3, Z4, Z5, Z18, 50)
	ROUND(Z5, Z6, Z7, Z0, Z1, Z2, Z3, Z4, Z19, 51)
	ROUND(Z4, Z5, Z6, Z7, Z0, Z1, Z2, Z3, Z20, 52)
	ROUND(Z3, Z4, Z5, Z6, Z7, Z0, Z1, Z2, Z21, 53)
	ROUND(Z2, Z3, Z4, Z5, Z6, Z7, Z0, Z1, Z22, 54)
	ROUND(Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z0, Z23, 55)
	ROUND(Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z24, 56)
	ROUND(Z7, Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z25, 57)
	ROUND(Z6, Z7, Z0, Z1, Z2, Z3, Z4, Z5, Z26, 58)
	ROUND(Z5, Z6, Z7, Z0, Z1, Z2, Z3, Z4, Z27, 59)
	ROUND(Z4, Z5, Z6, Z7, Z0, Z1, Z2, Z3, Z28, 60)
	ROUND(Z3, Z4, Z5, Z6, Z7, Z0, Z1, Z2, Z29, 61)
	ROUND(Z2, Z3, Z4, Z5, Z6, Z7, Z0, Z1, Z30, 62)
	ROUND(Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z0, Z31, 63)

	VPADDD 0(R8), Z0, Z0
	VPADDD 64(R8), Z1, Z1
	VPADDD 128(R8), Z2, Z2
	VPADDD 192(R8), Z3, Z3
	VPADDD 256(R8), Z4, Z4
	VPADDD 320(R8), Z5, Z5
	VPADDD 384(R8), Z6, Z6
	VPADDD 448(R8), Z7, Z7
	DECQ CX
	JNZ block

	VMOVDQA32 Z0, 0(R8)
	VMOVDQA32 Z1, 64(R8)
	VMOVDQA32 Z2, 128(R8)
	VMOVDQA32 Z3, 192(R8)
	VMOVDQA32 Z4, 256(R8)
	VMOVDQA32 Z5, 320(R8)
	VMOVDQA32 Z6, 384(R8)
	VMOVDQA32 Z7, 448(R8)
	MOVQ $8, CX

pad:
	PAD(Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7, 0)
	PAD(Z7, Z0, Z1, Z2, Z3, Z4, Z5, Z6, 1)
	PAD(Z6, Z7, Z0, Z1, Z2, Z3, Z4, Z5, 2)
	PAD(Z5, Z6, Z7, Z0, Z1, Z2, Z3, Z4, 3)
	PAD(Z4, Z5, Z6, Z7, Z0, Z1, Z2, Z3, 4)
	PAD(Z3, Z4, Z5, Z6, Z7, Z0, Z1, Z2, 5)
	PAD(Z2, Z3, Z4, Z5, Z6, Z7, Z0, Z1, 6)
	PAD(Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z0, 7)
	ADDQ $32, R10
	DECQ CX
	JNZ pad

	VPADDD 0(R8), Z0, Z0
	VPADDD 64(R8), Z1, Z1
	VPADDD 128(R8), Z2, Z2
	VPADDD 192(R8), Z3, Z3
	VPADDD 256(R8), Z4, Z4
	VPADDD 320(R8), Z5, Z5
	VPADDD 384(R8), Z6, Z6
	VPADDD 448(R8), Z7, Z7
	VMOVDQU32 Z0, 0(DI)
	VMOVDQU32 Z1, 64(DI)
	VMOVDQU32 Z2, 128(DI)
	VMOVDQU32 Z3, 192(DI)
	VMOVDQU32 Z4, 256(DI)
	VMOVDQU32 Z5, 320(DI)
	VMOVDQU32 Z6, 384(DI)
	VMOVDQU32 Z7, 448(DI)
	VZEROUPPER
	RET

// byteSwap makes big-endian words of a 128-bit group.
DATA byteSwap<>+0(SB)/8, $0x0405060700010203
DATA byteSwap<>+8(SB)/8, $0x0c0d0e0f08090a0b
GLOBL byteSwap<>(SB), RODATA|NOPTR, $16

// roundConstants are K of FIPS 180-4, section 4.2.2.
DATA roundConstants<>+0(SB)/8, $0x71374491428a2f98
DATA roundConstants<>+8(SB)/8, $0xe9b5dba5b5c0fbcf
DATA roundConstants<>+16(SB)/8, $0x59f111f13956c25b
DATA roundConstants<>+24(SB)/8, $0xab1c5ed5923f82a4
DATA roundConstants<>+32(SB)/8, $0x12835b01d807aa98
DATA roundConstants<>+40(SB)/8, $0x550c7dc3243185be
DATA roundConstants<>+48(SB)/8, $0x80deb1fe72be5d74
DATA roundConstants<>+56(SB)/8, $0xc19bf1749bdc06a7
DATA roundConstants<>+64(SB)/8, $0xefbe4786e49b69c1
DATA roundConstants<>+72(SB)/8, $0x240ca1cc0fc19dc6
DATA roundConstants<>+80(SB)/8, $0x4a7484aa2de92c6f
DATA roundConstants<>+88(SB)/8, $0x76f988da5cb0a9dc
DATA roundConstants<>+96(SB)/8, $0xa831c66d983e5152
DATA roundConstants<>+104(SB)/8, $0xbf597fc7b00327c8
DATA roundConstants<>+112(SB)/8, $0xd5a79147c6e00bf3
DATA roundConstants<>+120(SB)/8, $0x1429296706ca6351
DATA roundConstants<>+128(SB)/8, $0x2e1b213827b70a85
DATA roundConstants<>+136(SB)/8, $0x53380d134d2c6dfc
DATA roundConstants<>+144(SB)/8, $0x766a0abb650a7354
DATA roundConstants<>+152(SB)/8, $0x92722c8581c2c92e
DATA roundConstants<>+160(SB)/8, $0xa81a664ba2bfe8a1
DATA roundConstants<>+168(SB)/8, $0xc76c51a3c24b8b70
DATA roundConstants<>+176(SB)/8, $0xd6990624d192e819
DATA roundConstants<>+184(SB)/8, $0x106aa070f40e3585
DATA roundConstants<>+192(SB)/8, $0x1e376c0819a4c116
DATA roundConstants<>+200(SB)/8, $0x34b0bcb52748774c
DATA roundConstants<>+208(SB)/8, $0x4ed8aa4a391c0cb3
DATA roundConstants<>+216(SB)/8, $0x682e6ff35b9cca4f
DATA roundConstants<>+224(SB)/8, $0x78a5636f748f82ee
DATA roundConstants<>+232(SB)/8, $0x8cc7020884c87814
DATA roundConstants<>+240(SB)/8, $0xa4506ceb90befffa
DATA roundConstants<>+248(SB)/8, $0xc67178f2bef9a3f7
GLOBL roundConstants<>(SB), RODATA|NOPTR, $256

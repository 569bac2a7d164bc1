package quote_test

import (
	"encoding/binary"

	pb "github.com/google/go-tdx-guest/proto/tdx"
)

// fields is what both bodies of the library have.
type fields interface {
	GetTeeTcbSvn() []byte
	GetMrSeam() []byte
	GetMrSignerSeam() []byte
	GetSeamAttributes() []byte
	GetTdAttributes() []byte
	GetXfam() []byte
	GetMrTd() []byte
	GetMrConfigId() []byte
	GetMrOwner() []byte
	GetMrOwnerConfig() []byte
	GetReportData() []byte
	GetRtmrs() [][]byte
}

func bodyOf(read any) fields {
	if v5, ok := read.(*pb.QuoteV5); ok {
		return v5.GetTdQuoteBodyDescriptor().GetTdQuoteBodyV5()
	}
	return read.(*pb.QuoteV4).GetTdQuoteBody()
}

func le64(v uint64) []byte { return binary.LittleEndian.AppendUint64(nil, v) }

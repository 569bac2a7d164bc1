package proc

import (
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
)

func TestAbsencesStayWithinLimitAndSayHowManyMore(t *testing.T) {
	var a Absences
	for range attest.MaxAbsences + 9 {
		a.Add("x\n", attest.Failed, "%s", strings.Repeat("\x01", 4096))
	}
	list := a.List()
	if err := attest.CheckAbsences(list); err != nil || len(list) != attest.MaxAbsences {
		t.Fatalf("%d absences: %v", len(list), err)
	}
	if last := list[len(list)-1]; last.Detail != "10 further absences" || list[0].What != "x " || strings.ContainsRune(list[0].Detail, 1) {
		t.Fatalf("%+v, %+v", list[0], last)
	}
}

package main

import (
	"crypto/ecdsa"
	"errors"
	"fmt"

	"github.com/spf13/pflag"

	"github.com/hallmark-attest/hallmark/verify"
	"github.com/hallmark-attest/hallmark/verify/rules"
)

// ruleFlags say what evidence is held against, and by which limits.
type ruleFlags struct {
	stats                         []string
	statsKey, statsNode           string
	calibration, demoCalibrations string
}

func (f *ruleFlags) register(fl *pflag.FlagSet) {
	fl.StringArrayVar(&f.stats, "stats", nil, "statistical results (hallmark stats compute), of any nodes; may be repeated")
	fl.StringVar(&f.statsKey, "stats-key", "", "public key that must have signed every result; without, bare results are your word and those of other validators weigh nothing")
	fl.StringVar(&f.statsNode, "stats-node", "", "the node's name in the results, where that is not its ueid")
	fl.StringVar(&f.calibration, "calibration", "", "limits of rules in place of built-in ones (hallmark stats calibrate)")
	fl.StringVar(&f.demoCalibrations, "unsafe-demo-calibration", "", "the same, from a file that was fitted on a demonstration, whose nodes are not like yours")
}

// apply gives the options what the flags name. Results signed by own are verified.
func (f *ruleFlags) apply(o *verify.Options, own *ecdsa.PublicKey) error {
	if len(f.stats) == 0 && (f.statsKey != "" || f.statsNode != "") {
		return errors.New("--stats-key and --stats-node go with --stats: the file of results")
	}
	var signer *ecdsa.PublicKey
	var err error
	if f.statsKey != "" {
		if signer, err = readPublicKey(f.statsKey); err != nil {
			return err
		}
	}
	o.StatsNode = f.statsNode
	for _, path := range f.stats {
		b, err := readFile(path, verify.MaxStatFile)
		if err != nil {
			return err
		}
		list, err := verify.ReadStatResults(b, signer, own)
		if err != nil {
			return unlike(path, b, fmt.Errorf("%s %w", path, err), sortResults)
		}
		if len(list) == 0 {
			return fmt.Errorf("%s: no results in it", path)
		}
		o.Stats = append(o.Stats, list...)
	}
	o.Calibration, err = f.limits()
	return err
}

// limits are the built-in ones with those of the named file in their place.
func (f *ruleFlags) limits() (*rules.Calibration, error) {
	path, demo := f.calibration, false
	switch {
	case f.calibration != "" && f.demoCalibrations != "":
		return nil, errors.New("--calibration and --unsafe-demo-calibration exclude each other")
	case f.demoCalibrations != "":
		path, demo = f.demoCalibrations, true
	case path == "":
		return rules.DefaultCalibration(), nil
	}
	b, err := readFile(path, rules.MaxCalibrationSize)
	if err != nil {
		return nil, err
	}
	c, err := rules.ParseCalibration(b, demo)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return rules.DefaultCalibration().With(c), nil
}

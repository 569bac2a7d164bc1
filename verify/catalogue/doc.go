// Package catalogue holds facts about GPU models: what a card of a PCI device id has, by whose word.
//
// gpus.csv has a row for each model, sources.csv says who stands behind each key of its column "source"; an empty
// field means that there is no source or that sources disagree. PCI device ids are the vendor's. Memory sizes are
// what driver tools printed on real hosts. Many speeds are secondary: they bound what is plausible, and prove nothing.
// A device id that has no row is a model that is not known here, and never a fault.
package catalogue

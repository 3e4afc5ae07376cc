// The Lua of Argo CD 3.5, in the versions that its go.mod names, for
// tests/it/argocd. Nothing of this module ships; tests/cluster/ensure builds it.
module tests/argocd

go 1.26.0

require (
	github.com/yuin/gopher-lua v1.1.2
	layeh.com/gopher-json v0.0.0-20190114024228-97fed8db8427
)

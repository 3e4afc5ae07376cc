.PHONY: test cluster manifests

test: ## all tests, on a real API server (built once, kept in ~/.cache)
	tests/cluster/ensure >/dev/null
	cargo test --locked

cluster: ## a real API server for people; ends with Ctrl-C
	@tests/cluster/start --with-controller-manager < /dev/tty | sed -u 's/^/export KUBECONFIG=/'

manifests: ## regenerate crds/ from the code
	UPDATE=1 cargo test --locked --test it manifests

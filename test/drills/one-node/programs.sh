#!/bin/sh
# The programs of Kubernetes, from its module, into the folder that is named: those that are there already are not built again. It takes two processors half
# an hour, and 2 GB in Go's caches. Everything else comes from Debian: etcd-server, containerd, runc, containernetworking-plugins, iptables, conntrack.
#
#   sh test/drills/one-node/programs.sh <folder>
set -eu
version=31.4
folder=$1
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export CGO_ENABLED=0
module=$(go mod download -json "k8s.io/kubernetes@v1.$version" | sed -n 's/.*"GoMod": "\(.*\)".*/\1/p')
{
  printf 'module one-node\n\ngo 1.23.0\n\nrequire k8s.io/kubernetes v1.%s\n\n' "$version"
  # Kubernetes names its own parts by folders, which its module does not have: each is a module of the same version.
  sed -n "s|^\t\(k8s.io/[a-z-]*\) => ./staging.*|replace \1 => \1 v0.$version|p" "$module"
} >go.mod
{
  printf '//go:build programs\n\npackage programs\n\n'
  for name in kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubectl; do
    printf 'import _ "k8s.io/kubernetes/cmd/%s"\n' "$name"
  done
} >programs.go
go mod tidy
# Helm asks which version the cluster is.
stamp=k8s.io/component-base/version
stamp="-X $stamp.gitVersion=v1.$version -X $stamp.gitMajor=1 -X $stamp.gitMinor=${version%%.*}"
for name in kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubectl; do
  if [ ! -x "$folder/$name" ]; then
    echo "$name ..."
    go build -trimpath -ldflags="-s -w $stamp" -o "$folder/$name" "k8s.io/kubernetes/cmd/$name"
  fi
done
# What holds the namespaces of a pod: it does nothing.
if [ ! -x "$folder/pause" ]; then
  printf '#include <unistd.h>\nint main(void) { for (;;) pause(); }\n' | gcc -x c -static -Os -o "$folder/pause" -
fi

#!/bin/sh
# Builds step-ca and add-binding.go beside it, with Go.
#
#   sh test/drills/step-ca/build.sh <folder>
#
# The open version has no command for keys of external account bindings: add-binding.go writes one into its database.
set -eu
here=$(cd "$(dirname -- "$0")" && pwd)
version=v0.30.2
mkdir -p "$1"
folder=$(cd "$1" && pwd)
# With cgo it wants PC/SC's library, for hardware that this needs not.
export CGO_ENABLED=0
GOBIN=$folder GOFLAGS=-mod=mod go install "github.com/smallstep/certificates/cmd/step-ca@$version"
rm -rf "$folder/add-binding-module"
mkdir "$folder/add-binding-module"
cp "$here/add-binding.go" "$folder/add-binding-module/main.go"
cd "$folder/add-binding-module"
go mod init add-binding
go get "github.com/smallstep/certificates@$version"
go mod tidy
go build -o "$folder/add-binding" .
echo "step-ca $version is built."

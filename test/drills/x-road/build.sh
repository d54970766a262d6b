#!/bin/sh
# Compiles X-Road's proxy and what it needs, unchanged, from a checkout of nordic-institute/X-Road, and XRoadProxy.java beside it.
#
#   sh test/drills/x-road/build.sh <checkout> <folder>
#
# X-Road's own build needs Gradle and its plugins; this needs Maven alone, which brings the libraries, and a JDK 25 (JAVA_HOME, or javac in
# the path). The folder then has out/ (classes), res/ (schemas and other resources) and jars.txt (the libraries as one class path).
set -eu
here=$(cd "$(dirname -- "$0")" && pwd)
sources=$(cd "$1/src" && pwd)
mkdir -p "$2"
cd "$2"
[ -z "${JAVA_HOME:-}" ] || PATH="$JAVA_HOME/bin:$PATH"
rm -rf generated res out imports
mkdir generated res out imports

cp "$here/libraries.xml" pom.xml
mvn -q -B dependency:build-classpath -Dmdep.outputFile=classpath.txt
tr ':' '\n' <classpath.txt | grep '\.jar$' | paste -sd: >jars.txt
jars=$(cat jars.txt)
program() { tr ':' '\n' <classpath.txt | grep "/$1-[0-9.]*-linux-x86_64.exe$"; }
cp "$(program protoc)" protoc
cp "$(program protoc-gen-grpc-java)" protoc-gen-grpc
chmod +x protoc protoc-gen-grpc

modules='common/common-core common/common-domain common/common-message common/common-messagelog common/common-jetty
  common/common-scheduler common/common-rpc common/common-db lib/globalconf-core lib/globalconf-impl lib/globalconf-spring
  lib/serverconf-core lib/serverconf-impl lib/serverconf-spring lib/asic-core lib/keyconf-api lib/keyconf-impl
  service/proxy/proxy-core service/signer/signer-api service/signer/signer-client service/op-monitor/op-monitor-api'
for module in $modules; do
  if [ -d "$sources/$module/src/main/resources" ]; then cp -r "$sources/$module/src/main/resources/." res/; fi
done
# Its version, as Gradle writes it: servers refuse others that are too old.
version=$(sed -n 's/^xroadVersion=//p' "$sources/gradle.properties")
sed -i "s/@version@/$version/" res/version.properties

schema() {
  package=$1
  shift
  java -cp "$jars" com.sun.tools.xjc.XJCFacade -no-header -quiet -extension -d generated -p "$package" "$@"
}
identifiers="-b res/identifiers-bindings.xml"
schema ee.ria.xroad.common.hashchain res/hashchain.xsd
schema ee.ria.xroad.common.identifier res/identifiers.xsd
# shellcheck disable=SC2086 # two words
{
  schema ee.ria.xroad.common.message $identifiers res/message.xsd
  schema ee.ria.xroad.common.request $identifiers res/request.xsd
  schema ee.ria.xroad.common.metadata $identifiers res/service-metainfo.xsd
  parameters=org.niis.xroad.globalconf.schema
  schema $parameters.ocspnextupdateparameters res/ocsp-nextupdate-conf.xsd
  schema $parameters.ocspfetchintervalparameters res/ocsp-fetchinterval-conf.xsd
  schema $parameters.monitoringparameters $identifiers res/monitoring-conf.xsd
  for number in 2 3 4 5 6; do
    schema $parameters.sharedparameters.v$number $identifiers res/globalconf/v$number/shared-parameters.xsd
  done
  for number in 2 3; do
    schema $parameters.privateparameters.v$number $identifiers res/globalconf/v$number/private-parameters.xsd
  done
}

(cd imports && jar xf "$(tr ':' '\n' <../jars.txt | grep '/protobuf-java-[0-9.]*jar$')" google/protobuf/)
calls='common/common-rpc service/signer/signer-api service/op-monitor/op-monitor-api'
set -- -I imports
for module in $calls; do set -- "$@" -I "$sources/$module/src/main/proto"; done
for module in $calls; do set -- "$@" "$sources/$module/src/main/proto"/*.proto; done
./protoc "$@" --java_out=generated --plugin=protoc-gen-grpc=./protoc-gen-grpc --grpc_out=@generated=omit:generated

{
  for module in $modules common/common-test; do
    find "$sources/$module/src/main/java" -name '*.java'
    # The settings of servers that do nothing, which XRoadProxy.java fills.
    if [ -d "$sources/$module/src/testFixtures/java" ]; then find "$sources/$module/src/testFixtures/java" -name '*.java'; fi
  done
  find generated -name '*.java'
} >sources.txt
javac -nowarn -proc:full -parameters -d out -cp "$jars" @sources.txt
javac -nowarn -proc:none -d out -cp "out:$jars" "$here/XRoadProxy.java"
echo "X-Road $version: $(wc -l <sources.txt) files compiled."

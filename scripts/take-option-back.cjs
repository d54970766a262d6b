// Loaded by a security server before anything else (scripts/concordat). V8 has read this option by now, for the whole process. As long as it
// is set, Node refuses the compiled code of its own modules that it contains, and compiles them again, which takes longer.
require('node:v8').setFlagsFromString('--memory-pool-share-memory-on-teardown')

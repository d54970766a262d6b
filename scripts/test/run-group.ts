/**
 * Runs built test files one after the other in this process, so that the modules they share are loaded, and compiled by V8, once. Each is a
 * subtest, followed by the lines that a process of its own would end with. TEST_FILES names them: arguments would be part of the names of tap's
 * folders for tests.
 */
import { writeSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { default as current, runInProcess, wholeProcess } from './current-file.ts'
import { processorMs } from './processor-time.ts'

const root = path.join(path.dirname(process.argv[1]!), '../..')
const files = process.env['TEST_FILES']!.split(path.delimiter)
delete process.env['TEST_FILES']
const environment = { ...process.env }
for (const file of files) {
  const before = processorMs()
  let counts = {}
  await runInProcess(file, () => {
    counts = current.counts
    return import(pathToFileURL(path.join(root, file.replace(/\.ts$/, '.js'))).href)
  })
  // The last file tells also what took the processes that all shared.
  if (file === files.at(-1)) await wholeProcess.end()
  const told = Object.entries(counts).filter(([kind, number]) => kind !== 'complete' && number !== 0)
  writeSync(1, `# { ${told.map(([kind, number]) => `${kind}: ${number}`).join(', ')} }\n`)
  writeSync(1, `# processor ${processorMs() - before} ms\n`)
  // For the next file the environment is as it was for this one.
  for (const name of Object.keys(process.env)) if (!(name in environment)) delete process.env[name]
  Object.assign(process.env, environment)
}

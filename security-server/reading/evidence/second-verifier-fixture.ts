/** For tests only: the second verifier, asked about many bundles. */
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { findProgram } from '#test/outside-tools.ts'

const FOLDER = path.join(import.meta.dirname, '../../../test/second-verifier')
/** One process for all, because its start takes as long as a verdict. */
const PROGRAM = [
  'import json, sys, verify_bundle',
  'for line in sys.stdin:',
  "    sys.argv = ['verify_bundle', *json.loads(line)]",
  '    verify_bundle.main()',
]

/** Its verdicts as lines of JSON, one for each command line; undefined when Python or openssl is missing. */
export function askSecondVerifier(commands: string[][]): { verdicts: string[]; errors: string } | undefined {
  const [python, openssl] = [findProgram(['python3']), findProgram(['openssl'])]
  if (python === undefined || openssl === undefined) return undefined
  const { stdout, stderr } = spawnSync(python, ['-c', PROGRAM.join('\n')], {
    cwd: FOLDER,
    input: commands.map((one) => JSON.stringify(one)).join('\n'),
    encoding: 'utf8',
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
  })
  return { verdicts: stdout.split('\n').slice(0, -1), errors: stderr }
}

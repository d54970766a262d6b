/**
 * The management APIs of a registry and of a security server, held against their OpenAPI documents by Schemathesis, which others wrote: every
 * status, header, content type and body of an answer has to be one that the document names, bad data has to be refused, and no case may end in an error of the server.
 *
 *   pip install schemathesis==4.32.5
 *   node test/drills/schemathesis.ts [--program st] [--minutes 20]
 *
 * An address may ask 600 times a minute, so 5,000 cases of one process take nine minutes or more: the gate does not run it.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { startWorld } from '../world.ts'

const { values } = parseArgs({
  options: {
    program: { type: 'string', default: 'st' },
    minutes: { type: 'string', default: '20' },
  },
})
const world = await startWorld()
try {
  const { registry, servers } = world
  const codes = await Promise.all([
    check('central-registry-api.yaml', registry.adminUrl, registry.apiKeyFile),
    check('security-server-api.yaml', servers.population.adminUrl, servers.population.apiKeyFile),
  ])
  process.exitCode = codes.every((code) => code === 0) ? 0 : 1
} finally {
  await world.stop()
}

async function check(document: string, url: string, apiKeyFile: string): Promise<number> {
  const key = readFileSync(apiKeyFile, 'utf8').trim()
  const child = spawn(
    values.program,
    [
      ...['run', path.join(import.meta.dirname, '../../schemas', document), '--url', `${url}/api/v1`],
      ...['--header', `Authorization: X-Road-ApiKey token=${key}`, '--output-sanitize', 'true'],
      ...['--max-time', String(Number(values.minutes) * 60), '--max-examples', '60'],
      ...['--phases', 'examples,coverage,fuzzing,stateful', '--continue-on-failure', '--no-shrink'],
      ...['--rate-limit', '590/m', '--request-timeout', '30', '--workers', '1'],
      // A document cannot say all that a call needs: a certificate in a text, a key that exists.
      ...['--exclude-checks', 'positive_data_acceptance'],
    ],
    { stdio: 'inherit' },
  )
  const [code] = (await once(child, 'exit')) as [number | null]
  return code ?? 1
}

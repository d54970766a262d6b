/**
 * The management APIs of a registry and of a security server, held against their OpenAPI documents by
 * Schemathesis, which others wrote: every status, header, content type and body of an answer has to be one
 * that the document names, bad data has to be refused, and no case may end in an error of the server.
 *
 *   pip install schemathesis==4.32.5
 *   node test/drills/schemathesis.ts [--program st] [--minutes 20] [--examples 60] [--seed 1] [--api
 *   central-registry --api security-server]
 *
 * An address may ask 600 times a minute, so 5,000 cases of one process take nine minutes or more: the gate
 * does not run it.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { parse } from 'yaml'
import { type ApiDocument, addAnswers } from '#console/reference/add-answers.ts'
import { startWorld } from '../world.ts'

const { values } = parseArgs({
  options: {
    program: { type: 'string', default: 'st' },
    minutes: { type: 'string', default: '20' },
    /** For each operation, of each phase. */
    examples: { type: 'string', default: '60' },
    seed: { type: 'string' },
    api: { type: 'string', multiple: true, default: ['central-registry', 'security-server'] },
  },
})
/**
 * Headers of a path that is too long are refused with 431. What another has to answer for is said with 502 to
 * 504: an address that gives no description, a certificate that an earlier case made inactive. Where the
 * document does not name them they are a difference all the same.
 */
const CONFIGURATION = `[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", 502, 503, 504]

[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 428, 429, 431, "5xx"]
`
const folder = mkdtempSync(path.join(tmpdir(), 'schemathesis-'))
const configuration = path.join(folder, 'schemathesis.toml')
writeFileSync(configuration, CONFIGURATION)
const world = await startWorld()
try {
  const { registry, servers } = world
  const ofApi: Record<string, { adminUrl: string; apiKeyFile: string }> = {
    'central-registry': registry,
    'security-server': servers.population,
  }
  const asked = values.api.map((api) => ({ api, of: ofApi[api] }))
  const unknown = asked.find(({ of }) => of === undefined)
  if (unknown !== undefined) throw new Error(`there is no API ${unknown.api}`)
  const codes = await Promise.all(asked.map(({ api, of }) => check(api, of!.adminUrl, of!.apiKeyFile)))
  process.exitCode = codes.every((code) => code === 0) ? 0 : 1
} finally {
  await world.stop()
  rmSync(folder, { recursive: true, force: true })
}

async function check(api: string, url: string, apiKeyFile: string): Promise<number> {
  const key = readFileSync(apiKeyFile, 'utf8').trim()
  const child = spawn(
    values.program,
    [
      ...['--config-file', configuration, 'run', documentOf(api), '--url', `${url}/api/v1`],
      ...['--header', `Authorization: X-Road-ApiKey token=${key}`, '--output-sanitize', 'true'],
      ...['--max-time', String(Number(values.minutes) * 60), '--max-examples', values.examples],
      ...(values.seed === undefined ? [] : ['--seed', values.seed]),
      ...['--phases', 'examples,coverage,fuzzing', '--continue-on-failure', '--no-shrink'],
      // With a locked token much is answered by 503, truly, but that hides what is behind it.
      ...['--exclude-path', '/tokens/{tokenId}/logout'],
      // It finds the id of its own key in an answer: once that is revoked, all else is answered by 401.
      ...['--exclude-operation-id', 'revokeApiKey'],
      ...['--rate-limit', '590/m', '--request-timeout', '30', '--workers', '1'],
      // A document cannot say all that a call needs: a certificate in a text, a key that exists. And where a
      // word stands in the place of an identifier (/passkeys/options beside /passkeys/{passkey}), the other
      // path's methods answer, for which the word is a wrong identifier.
      ...['--exclude-checks', 'positive_data_acceptance,unsupported_method'],
    ],
    // It writes what it found into its folder.
    { stdio: 'inherit', cwd: folder },
  )
  const [code] = (await once(child, 'exit')) as [number | null]
  return code ?? 1
}

/** The file of the API's document with the schema of each answer. */
function documentOf(api: string): string {
  const read = (name: string): string =>
    readFileSync(path.join(import.meta.dirname, '../../schemas', name), 'utf8')
  const document = parse(read(`${api}-api.yaml`), { maxAliasCount: -1 }) as ApiDocument
  const [examples, schemas] = [`${api}.json`, `${api}.schemas.json`].map((name) =>
    JSON.parse(read(`answers/${name}`)),
  )
  const file = path.join(folder, `${api}.json`)
  writeFileSync(file, JSON.stringify(addAnswers(document, { examples, schemas }).document))
  return file
}

/**
 * `concordat bench registry`: a registry of a whole country, and the cost of publishing, of lists and of
 * fetching its configuration.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { createAuthority } from '#certs/authority.ts'
import { generateKey } from '#certs/keys.ts'
import { certificationRequest } from '#security-server/keys/certification-request.ts'
import { tallyOf } from '../command-line/tally.ts'
import { startInstance } from '../sandbox/instance.ts'
import { folderOf, layoutOf } from '../sandbox/layout.ts'
import { passingProgress } from '../sandbox/progress.ts'
import type { Instance } from '../sandbox/running.ts'
import { buildServersOf } from './built-servers.ts'
import { measureRegistry } from './registry/figures.ts'
import { fillRegistry } from './registry/store.ts'

const USAGE = `Usage: concordat bench registry [--members N] [--subsystems N] [--servers N] [--contracts N] [--network 127.88.2] [--json]

A sandbox whose registry holds 10000 members, 50000 subsystems, 2000 servers and 100000 contracts unless told otherwise: how long
everything and one change take until they are published, lists and searches to answer, and a security server to take the
configuration. With --json the last line is one object.
`

export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      members: { type: 'string', default: '10000' },
      subsystems: { type: 'string', default: '50000' },
      servers: { type: 'string', default: '2000' },
      contracts: { type: 'string', default: '100000' },
      network: { type: 'string', default: '127.88.2' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  const size = {
    members: Number(values.members),
    subsystems: Number(values.subsystems),
    servers: Number(values.servers),
    contracts: Number(values.contracts),
  }
  const isSound = Object.values(size).every((count) => Number.isSafeInteger(count) && count >= 100)
  if (values.help || !isSound || size.servers > size.members) {
    ;(values.help ? process.stdout : process.stderr).write(USAGE)
    return values.help ? 0 : 2
  }
  const directory = mkdtempSync(path.join(tmpdir(), 'concordat-bench-registry-'))
  let instance: Instance | undefined
  try {
    await buildServersOf(path.join(import.meta.dirname, '../..'))
    const layout = layoutOf(directory, values.network)
    instance = await startInstance({
      layout,
      progress: passingProgress(),
      ...{ isNew: true, kind: 'lean', pastDays: 0 },
      install: false,
      catalogue: false,
      onExit: (name, why) => {
        throw new Error(`${name} ended: ${why}`)
      },
    })
    const certificates = await certificatesFor(size.servers)
    await fillRegistry(`sqlite:${folderOf(layout, 'registry/registry.db')}`, size, (at) => certificates[at]!)
    const { members, subsystems, servers, contracts } = size
    say(`${members} members, ${subsystems} subsystems, ${servers} servers, ${contracts} contracts`)
    const key = readFileSync(folderOf(layout, 'registry/api-key'), 'utf8').trim()
    const row = (what: string, value: string): void => say(`${what.padEnd(38)}${value}`)
    const figures = await measureRegistry(instance, key, size, row)
    if (values.json) say(JSON.stringify({ ...size, ...figures }))
    return 0
  } catch (cause) {
    process.stderr.write(`The bench failed: ${(cause as Error).message}\n`)
    return 1
  } finally {
    await instance?.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}

/** One certificate per server, all with the same key: the registry uses only their bytes and their expiry. */
async function certificatesFor(servers: number): Promise<{ sha256: string; der: Buffer }[]> {
  const authority = await createAuthority({ clock: Date.now, instance: 'DEV' })
  const privateKey = await generateKey('P-256')
  const request = certificationRequest({ privateKey, subject: [{ type: 'CN', value: 'any.example.org' }] })
  const certificates = []
  const tally = tallyOf({ what: 'issuing certificates', unit: 'certificates', total: servers })
  for (let at = 0; at < servers; at++) {
    tally.at(at)
    const subject: [string, string][] = [
      ['C', 'FI'],
      ['CN', `ss${at}.example.org`],
    ]
    certificates.push(await authority.issue({ request, profile: 'authentication', subject }))
  }
  tally.end()
  return certificates
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** A portal in the test's own process, and a person who signs in at it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Test } from 'tap'
import { ownAddress } from '#adapters/kit/kit-fixture.ts'
import { readWorkerSettings, serveWorker } from '#adapters/kit/serve-worker.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { hostNameOf } from '#test/fakes/openid-provider.ts'
import { portal } from './portal.ts'
import type { PortalSettings } from './settings.ts'

/** Tests log in by a provider that knows this client, and sends browsers back to this port alone. */
const PEOPLE_PORT = 4000

type PortalForTests = {
  url: string
  monitoringUrl: string
  folder: string
  lines: string[]
  stop(): Promise<void>
}

/**
 * `settings` as in the file, without addresses and secrets. `named`: its address, which browsers reach by a
 * name, as passkeys need.
 */
export async function startPortal(
  t: Test,
  q: {
    server: string
    issuer: string
    client: { id: string; secret: string }
    settings?: { asking?: object; [name: string]: unknown }
    named?: string
  },
): Promise<PortalForTests> {
  const address = q.named ?? ownAddress()
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-portal-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(path.join(folder, 'secret'), q.client.secret, { mode: 0o600 })
  const url = `http://${q.named === undefined ? address : hostNameOf(address)}:${PEOPLE_PORT}`
  const file = path.join(folder, 'portal.yaml')
  const settings = {
    ...{ listen: { address, port: PEOPLE_PORT }, monitoring: { address }, name: 'My data' },
    ...{ contact: 'help@portal.example', timeZone: 'Europe/Tallinn' },
    login: { issuer: q.issuer, clientId: q.client.id, clientSecretFile: './secret', baseUrl: url },
    person: { claim: 'sub', pattern: '^(P[0-9]{8})$', country: 'EE' },
    securityServer: { url: q.server, client: 'DEV/GOV/1005/portal' },
    ...q.settings,
    // No list is without what waits because the machine of the test is busy.
    asking: { waitsMs: 60_000, ...q.settings?.asking },
  }
  // YAML reads JSON.
  writeFileSync(file, JSON.stringify(settings))
  const lines: string[] = []
  const log = createLog({
    name: 'test',
    level: 'debug',
    destination: { write: (line) => void lines.push(line) },
  })
  const running = await serveWorker(portal, await readWorkerSettings<PortalSettings>(portal, file, {}), log)
  let stopped: Promise<void> | undefined
  const stop = (): Promise<void> => (stopped ??= running.stop())
  t.teardown(stop)
  return { url, monitoringUrl: `http://${address}:9444`, folder, lines, stop }
}

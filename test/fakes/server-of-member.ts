/**
 * Brings up a second security server of an agency's own member, set up and registered as its operator and the
 * registry's administrator do it.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { openApi } from '#scripts/sandbox/client.ts'
import { type Agency, encoded, layoutOf, serverText, subsystemText } from '#scripts/sandbox/layout.ts'
import { registerByHand, setUpClient, setUpServer } from '#scripts/sandbox/set-up-server.ts'
import { type Instance, startProcess } from '../processes.ts'
import { type Admin, openAdmin } from '../world.ts'

type Running = Awaited<ReturnType<typeof startProcess>>

type SecondServer = {
  /** In text form. */
  id: string
  admin: Admin
  process(): Running
  start(): Promise<void>
}

/**
 * Its subsystem is registered at both servers; publish the configuration afterwards. `last` ends its address.
 */
export async function addServerOf(
  instance: Instance,
  name: 'population' | 'tax',
  { key, last }: { key: string; last: number },
): Promise<SecondServer> {
  const { directory, registry } = instance
  const layout = layoutOf(directory, instance.address(0).replace(/\.0$/, ''))
  const agency: Agency = {
    ...{ ...layout.agencies[name], key, serverCode: `SS-${key.toUpperCase()}` },
    address: instance.address(last),
  }
  const { address } = agency
  const id = serverText(layout, agency)
  const folder = path.join(directory, key)
  mkdirSync(folder, { mode: 0o700 })
  writeFileSync(path.join(folder, 'pin'), 'another server, the same member', { mode: 0o600 })
  writeFileSync(
    path.join(directory, `${key}.yaml`),
    `server: ${id}
directory: ./${key}
database: sqlite:${folder}/server.db
messageLogDatabase: sqlite:${folder}/message-log.db
pinFile: ./${key}/pin
peers: { address: ${address} }
clients: { http: { address: ${address} }, https: { address: ${address} } }
admin: { address: ${address}, initialApiKeyFile: ./${key}/api-key }
development: true
`,
  )
  const begin = () => startProcess({ name: key, command: 'security-server', directory, environment: {} })
  let running = await begin()
  const base = `http://${address}:4000/api/v1`
  const keyFile = path.join(folder, 'api-key')
  const [server, registryApi] = [
    await openApi(base, keyFile),
    await openApi(`${registry.adminUrl}/api/v1`, registry.apiKeyFile),
  ]
  await registryApi.send('POST', '/security-servers', { id: encoded(id), address })
  await registryApi.send('POST', `/security-servers/${encoded(id)}/clients`, {
    client: encoded(subsystemText(layout, agency)),
  })
  const anchor = await registryApi.getBytes('/configuration/anchors/internal')
  const { pem } = await setUpServer({ server, anchor, layout, agency })
  // Its chain stands behind it.
  const [certificate = ''] =
    /-----BEGIN[\s\S]*?-----END CERTIFICATE-----\n/.exec(
      readFileSync(instance.servers[name].systemCertificateFile, 'utf8'),
    ) ?? []
  await setUpClient({ server, layout, agency, certificate: Buffer.from(certificate) })
  await registerByHand({ registry: registryApi, layout, agency, certificate: pem })
  return {
    id,
    admin: openAdmin(base, readFileSync(keyFile, 'utf8').trim(), 'security-server'),
    process: () => running,
    async start() {
      running = await begin()
    },
  }
}

/** Makes another agency's security server serve a provider too, as a hosting agency would: its signing key, client, registration. */
import type { Instance } from '../processes.ts'
import { ask, colons, type ServerName } from '../world.ts'

/** `host`'s server gets a signing key of `provider`'s member and its subsystem as a client; publish afterwards. */
export async function serveAlso(instance: Instance, host: ServerName, provider: ServerName): Promise<void> {
  const admin = instance.admin[host]
  const { member, client } = instance.servers[provider]
  const [token] = await admin.get<{ id: string }[]>('/tokens')
  const signing = await admin.send<{ csr: { pem: string } }>('POST', `/tokens/${token!.id}/keys-with-csrs`, {
    key: { usage: 'SIGNING', label: `signing for ${member}` },
    csr: { memberId: colons(member) },
  })
  const certificate = await ask(instance.trust.caUrl, '/certificates?profile=signing', {
    method: 'POST',
    headers: { 'Content-Type': 'application/octet-stream' },
    body: signing.csr.pem,
  })
  if (certificate.status !== 200) throw new Error(`the CA answered ${certificate.status}`)
  await admin.send('POST', '/token-certificates', certificate.body)
  await admin.send('POST', '/clients', { id: colons(client) })
  await instance.registryAdmin.send(
    'POST',
    `/security-servers/${colons(instance.servers[host].id)}/clients`,
    {
      client: colons(client),
    },
  )
}

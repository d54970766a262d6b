/**
 * Makes another agency's security server serve a provider too, as a hosting agency would: signing key,
 * client, registration.
 */
import type { Instance } from '../processes.ts'
import { ask, colons, type ServerName } from '../world.ts'

/**
 * Makes a signing key on `host`'s server with a certificate for the member of `of`, in the software token or
 * another one.
 */
export async function addSigningKey(
  instance: Instance,
  host: ServerName,
  { of = host, token = '0' }: { of?: ServerName; token?: string },
): Promise<void> {
  const admin = instance.admin[host]
  const { member } = instance.servers[of]
  const signing = await admin.send<{ csr: { pem: string } }>('POST', `/tokens/${token}/keys-with-csrs`, {
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
}

/**
 * Gives `host`'s server a signing key of `provider`'s member and its subsystem as a client; call `publish`
 * afterwards.
 */
export async function serveAlso(instance: Instance, host: ServerName, provider: ServerName): Promise<void> {
  const { client } = instance.servers[provider]
  // A server that has just started has its configuration from disk, whose suspension list may have expired.
  await instance.admin[host].send('PUT', '/global-configuration/refresh')
  await addSigningKey(instance, host, { of: provider })
  await instance.admin[host].send('POST', '/clients', { id: colons(client) })
  await instance.registryAdmin.send(
    'POST',
    `/security-servers/${colons(instance.servers[host].id)}/clients`,
    {
      client: colons(client),
    },
  )
}

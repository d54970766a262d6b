/**
 * An emergency over real processes: a server, a certificate and a member are suspended during exchanges, and
 * resumed; a CA revokes the certificate of a server that goes on showing a good OCSP response.
 */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { connect, type TLSSocket } from 'node:tls'
import t from 'tap'
import { type Certificate, readCertificate } from '#core/certificate/certificate.ts'
import { revoke } from '../fakes/credentials.ts'
import { until } from '../until.ts'
import { colons, startWorld } from '../world.ts'

const world = await startWorld({ environment: { CONCORDAT_PEERS_REVOCATION_SECONDS: '5' } })
t.teardown(() => world.stop())
const { tax, population } = world.servers
const PERSON = `/r1/${population.client}/persons/persons/P00000042`

type Suspension = { id: number }
type Server = { id: string; certificates: string[] }

async function outcome(): Promise<string> {
  const reply = await world.ask('tax', PERSON, { headers: { 'X-Road-Client': tax.client } })
  return reply.status === 200 ? 'answered' : (reply.json() as { type: string }).type
}

/**
 * Sends requests until one ends like this, or is `final`, as a system would that exchanges messages all the
 * time.
 */
const becomes = (wanted: RegExp, final = wanted): Promise<string> =>
  until(
    `an exchange that is ${wanted}`,
    async (saw) => {
      const found = saw(await outcome())
      return (wanted.test(found) || final.test(found)) && found
    },
    { deadlineMs: 180_000, pauseMs: 1000 },
  )

void t.test('both sides obey, whoever is suspended, and go on when it is lifted', async (t) => {
  t.equal(await becomes(/answered/), 'answered')
  const servers = await world.registryAdmin.get<Server[]>('/security-servers')
  const certificate = servers.find(({ id }) => id === colons(tax.id))!.certificates[0]!
  const subjects: [string, string, RegExp][] = [
    ['server', colons(population.id), /^client\.suspended$/],
    ['member', colons(tax.member), /^client\.suspended$/],
    // The peer refuses it on an open connection, which may look like a closed connection.
    ['certificate', certificate, /suspended$/],
  ]
  for (const [kind, subject, wanted] of subjects) {
    const act = { kind, subject, reason: 'the journey of an emergency' }
    const { id } = await world.registryAdmin.send<Suspension>('POST', '/suspensions', act)
    t.match(await becomes(wanted), wanted, `${kind} ${subject}`)
    // A new configuration ends the connections of who is suspended, also one with a refusal under way.
    t.match(await becomes(wanted, /answered/), wanted, 'and it stays so')
    await world.registryAdmin.send('DELETE', `/suspensions/${id}`)
    t.equal(await becomes(/answered/), 'answered', 'lifted')
  }
})

void t.test(
  'what a CA revokes is refused, though its owner shows that it was good a minute ago',
  async (t) => {
    t.equal(await becomes(/answered/), 'answered')
    const shown = await presentedBy(world.address(1))
    await revoke(world, shown)
    t.equal(await becomes(/validation_info$/), 'server.clientproxy.incorrect_validation_info')
    const lines = readFileSync(path.join(world.directory, 'security server of the Tax Agency.log'), 'utf8')
    t.match(lines, new RegExp(`${shown.sha256}.*a CA revoked a certificate of a peer`))
  },
)

/** The certificate of the security server there, from the handshake. */
async function presentedBy(host: string): Promise<Certificate> {
  const socket = connect({ host, port: 5500, rejectUnauthorized: false })
  t.teardown(() => socket.destroy())
  await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject))
  return readCertificate((socket as TLSSocket).getPeerX509Certificate()!.raw)
}

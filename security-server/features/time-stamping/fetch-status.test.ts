/**
 * Whose responders are asked about whom, when another instance approves the same CA with responders of its
 * own that keep silent.
 */
import { mock } from 'node:test'
import t from 'tap'
import { type ConfigurationIndex, indexConfiguration } from '#core/configuration/configuration-index.ts'
import type { CertificateProfile } from '#schemas/certificate-profile.ts'
import { Fault } from '#schemas/fault.ts'
import type { SharedParameters } from '#schemas/global-configuration.ts'
import { memberOf } from '#schemas/identifiers.ts'
import { createPeerWorld } from '../../peer/peer-fixture.ts'
import { createFetchStatus } from './fetch-status.ts'

const world = await createPeerWorld(t)
const { shared } = world.globalConfiguration.current().index
const signer = world.provider.keys.signingIdentity(memberOf(world.provider.id)).certificate
/** Takes class and code of a member from the subject, and the instance from whoever reads it. */
const ANY_INSTANCE: CertificateProfile = {
  ...{ name: 'org.example.AnyInstance', title: 'Any instance' },
  signing: {
    request: [{ attribute: 'CN', label: 'Code', value: '{memberCode}' }],
    identify: [
      {
        parts: {
          instance: { instance: true },
          memberClass: { attribute: 'serialNumber', split: { by: '/', parts: 3, at: 2 } },
          memberCode: { attribute: 'CN' },
        },
      },
    ],
  },
  authentication: { request: [{ attribute: 'CN', label: 'Name', value: '{dnsName}' }] },
}
const never = new Promise<Buffer>(() => undefined)

/** Another view of the same public CA: with so many addresses at this host. */
function approving(
  host: string,
  count: number,
  { profile, ...more }: Partial<SharedParameters> & { profile?: CertificateProfile | undefined } = {},
): ConfigurationIndex {
  const ocsp = Array.from({ length: count }, (_, i) => ({
    ...{ url: `http://${host}/${i}`, cert: undefined, costType: undefined },
  }))
  const approvedCas = shared.approvedCas.map((ca) => ({
    ...ca,
    ...(profile !== undefined && { certificateProfileInfo: profile.name }),
    topCa: { ...ca.topCa, ocsp },
    intermediateCas: ca.intermediateCas.map((one) => ({ ...one, ocsp })),
  }))
  return indexConfiguration({ ...shared, ...more, approvedCas }, undefined, profile && [profile])
}

/** Whom it asked, by host, and what it got. */
function open(configurations: ConfigurationIndex[], answer: (url: string) => Promise<Buffer> | undefined) {
  const asked: string[] = []
  const status = createFetchStatus({
    clock: world.clock,
    configurations: () => configurations,
    fetchOcsp: async (url, request) => {
      asked.push(url)
      return answer(url) ?? world.authority.ocspAnswer(request)
    },
  })
  return { ...status, hosts: () => [...new Set(asked.splice(0).map((url) => new URL(url).host))] }
}

const silentIn = (host: string) => (url: string) => (new URL(url).host === host ? never : undefined)
const ours = approving('ours', 1)
const members = { members: [], securityServers: [] }

t.test('another registry has no say in our stamps and our members', async (t) => {
  for (const profile of [undefined, ANY_INSTANCE]) {
    const theirs = approving('theirs', 9, { instance: 'FI', ...members, profile })
    const status = open([ours, theirs], silentIn('theirs'))
    t.equal((await status.ofStampers([world.authority.tsa])).length, 2, 'the authority and its CA')
    t.same(status.hosts(), ['ours'])
    t.equal((await status.ofSigners([signer])).length, 2, 'they are fresh, or asked again')
    t.notOk(status.hosts().includes('theirs'))
  }
})

t.test("members of another instance: by that one's responders", async (t) => {
  const own = approving('own', 1, { instance: 'FI', ...members })
  const status = open([own, ours], silentIn('own'))
  t.equal((await status.ofSigners([signer])).length, 2)
  t.same(status.hosts(), ['ours'])
  const read = approving('own', 1, { instance: 'FI', ...members, profile: ANY_INSTANCE })
  const both = open([read, ours], () => undefined)
  await both.ofSigners([signer])
  t.same(both.hosts().sort(), ['ours', 'own'], 'whose member it is, ours has not registered')
})

t.test('a few addresses of each CA, and all in ten seconds', async (t) => {
  const many = approving('many', 9)
  const asked: string[] = []
  const failing = createFetchStatus({
    clock: world.clock,
    configurations: () => [many],
    fetchOcsp: async (url) => {
      asked.push(url)
      throw new Fault('network_error')
    },
  })
  t.same(await failing.ofSigners([signer]), [])
  t.equal(new Set(asked).size, 4)

  const { intermediate, tsa } = world.authority
  const status = open([ours], silentIn('ours'))
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const answers = Promise.all([status.ofStampers([tsa]), status.ofSigners([signer, intermediate])])
  mock.timers.tick(10_000)
  t.same(await answers, [[], []])
})

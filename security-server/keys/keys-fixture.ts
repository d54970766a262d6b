/**
 * What the tests of keys share: a CA, a configuration that trusts it, a token folder, and a responder whose
 * responses can be wrong.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Test } from 'tap'
import {
  type Authority,
  createAuthority,
  type IssueRequest,
  SUBJECT_PROFILE_CLASS,
} from '#certs/authority.ts'
import type { Conditions } from '#certs/switches.ts'
import { type ConfigurationIndex, indexConfiguration } from '#core/configuration/configuration-index.ts'
import { Fault } from '#schemas/fault.ts'
import type { SharedParameters } from '#schemas/global-configuration.ts'
import { type MemberId, parseMemberId, parseServerId } from '#schemas/identifiers.ts'
import { type CertificateInfo, createKeys, type Keys, type KeysDependencies } from './keys.ts'
import { proposeSubject } from './propose-subject.ts'

export const PIN = 'correct horse 7'
export const member = parseMemberId('DEV/GOV/1000')
export const second = parseMemberId('DEV/COM/4000')
export const server = parseServerId('DEV/GOV/1000/ss1')
export const START = Date.parse('2026-06-01T12:00:00Z')

export type World = {
  now: number
  authority: Authority
  directory: string
  /** What the responder does: the conditions of its response, or 'down'. */
  ocsp: Partial<Conditions> | 'down'
  asked: number
  /** The responder answers when this promise settles. */
  answers: Promise<unknown>
  /** SHA-256 of registered authentication certificates. */
  registered: Buffer[]
  configuration: ConfigurationIndex | undefined
  reconfigure(change?: Partial<SharedParameters>): void
  open(more?: Partial<KeysDependencies>): Promise<Keys>
}

/** A world with its own clock; its token folder is removed with the test. */
export async function createWorld(t: Test): Promise<World> {
  const directory = mkdtempSync(path.join(tmpdir(), 'concordat-keys-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const clock = () => world.now
  const world: World = {
    now: START,
    authority: await createAuthority({ clock: () => START, instance: 'DEV' }),
    directory: path.join(directory, 'token'),
    ocsp: {},
    asked: 0,
    answers: Promise.resolve(),
    registered: [],
    configuration: undefined,
    reconfigure(change = {}) {
      world.configuration = indexConfiguration({ ...parametersOf(world), ...change })
    },
    async open(more = {}) {
      const keys = await createKeys({
        directory: world.directory,
        clock,
        configuration() {
          if (world.configuration === undefined) throw new Fault('global_conf_outdated')
          return world.configuration
        },
        async fetchOcsp(_url, request) {
          world.asked += 1
          await world.answers
          if (world.ocsp === 'down') throw new Fault('network_error')
          return world.authority.ocspAnswer(request, { at: new Date(world.now), ...world.ocsp })
        },
        ...more,
      })
      t.teardown(() => keys.close())
      return keys
    },
  }
  world.reconfigure()
  return world
}

function parametersOf(world: World): SharedParameters {
  const { authority } = world
  const ocspUrl = 'http://127.0.0.1:1/ocsp'
  return {
    instance: 'DEV',
    sources: [],
    approvedCas: [
      {
        name: 'Development CA',
        authenticationOnly: false,
        topCa: { cert: authority.root.der, ocsp: [{ url: ocspUrl }] },
        intermediateCas: [
          {
            cert: authority.intermediate.der,
            ocsp: [{ url: ocspUrl, cert: authority.ocspResponder.der }],
          },
        ],
        certificateProfileInfo: SUBJECT_PROFILE_CLASS,
      },
    ],
    approvedTsas: [],
    members: [member, second].map((id) => ({
      id,
      memberClassDescription: '',
      name: 'Agency',
      subsystems: [],
    })),
    securityServers: [{ id: server, authCertHashes: world.registered, clients: [] }],
    globalGroups: [],
    memberClasses: [],
    ocspFreshnessSeconds: 3600,
  }
}

/** A signing key of the member `of` with its certificate; RSA on request. */
export async function signingCertificate(
  world: World,
  keys: Keys,
  of: MemberId = member,
  o: Partial<IssueRequest> & { algorithm?: 'P-256' | 'RSA-2048' } = {},
): Promise<CertificateInfo> {
  const { algorithm = 'P-256', ...issue } = o
  const key = await keys.createKey({ usage: 'SIGNING', label: 'sign', algorithm })
  const subject = subjectOf('SIGNING', of)
  const { request } = await keys.createRequest({ keyId: key.id, member: of, subject })
  const at = new Date(world.now)
  const certificate = await world.authority.issue({ request, profile: 'signing', at, ...issue })
  return keys.importCertificate(certificate.der)
}

/** An authentication key with its certificate; registered on request. */
export async function authenticationCertificate(
  world: World,
  keys: Keys,
  o: { register?: boolean } & Partial<IssueRequest> = {},
): Promise<CertificateInfo> {
  const { register = true, ...issue } = o
  const key = await keys.createKey({ usage: 'AUTHENTICATION', label: 'auth' })
  const { request } = await keys.createRequest({
    keyId: key.id,
    subject: subjectOf('AUTHENTICATION', member),
  })
  const at = new Date(world.now)
  const certificate = await world.authority.issue({ request, profile: 'authentication', at, ...issue })
  if (register) {
    world.registered = [...world.registered, Buffer.from(certificate.sha256, 'hex')]
    world.reconfigure()
  }
  return keys.importCertificate(certificate.der)
}

export function subjectOf(usage: 'SIGNING' | 'AUTHENTICATION', of: MemberId) {
  return proposeSubject({
    profile: SUBJECT_PROFILE_CLASS,
    usage,
    member: of,
    memberName: 'Agency Ä',
    server,
    dnsName: 'ss1.example',
  })
}

/**
 * Gathers the facts on which a call between two subsystems depends: from the register, the published
 * configuration, and a few questions to other machines.
 */
import { type Certificate, readCertificate } from '#core/certificate/certificate.ts'
import { readableName } from '#core/certificate/name.ts'
import { buildOcspRequest } from '#core/certificate/ocsp-request.ts'
import { verifyOcspResponse } from '#core/certificate/ocsp-response.ts'
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import { asFault, toldBy } from '#schemas/fault.ts'
import type { SubsystemId } from '#schemas/identifiers.ts'
import { listed, type Said, say } from '#schemas/said.ts'
import { checkAuthenticationCertificate } from '../../servers/rules.ts'
import type { AskResponder, Reached } from './client.ts'
import type { ExplainStore, RegisteredSide } from './facts-store.ts'
import {
  type CaFacts,
  type CallFacts,
  isUsable,
  type Probe,
  type ServerFacts,
  type SideFacts,
} from './rules.ts'

type GatherRooms = {
  store: ExplainStore
  published(sides: SideFacts[]): Promise<CallFacts['published']>
  /** Reads the approved CAs as of now. */
  approved(): Promise<ConfigurationIndex>
  ask: AskResponder
  handshake(host: string, port: number): Promise<Reached>
  connects(host: string, port: number): Promise<boolean>
}

type Call = CallFacts['call'] & { consumer: SubsystemId; provider: SubsystemId }

/** How many servers of one side are contacted. */
const MOST_ASKED = 4
/** X-Road's ports between servers; shared parameters contain no ports. */
const MESSAGE_PORT = 5500
const OCSP_PORT = 5577

export async function gather(rooms: GatherRooms, call: Call, now: number): Promise<CallFacts> {
  const { store } = rooms
  const at = new Date(now)
  const approved = await rooms.approved()
  const suspended = await store.suspendedCertificates()
  const judged = async (id: SubsystemId): Promise<Judged> =>
    judgeCertificates(await store.side(id), { approved, suspended, at })
  const consumer = await judged(call.consumer)
  const provider = await judged(call.provider)
  const sides = { consumer: consumer.facts, provider: provider.facts }
  const [ofConsumer, ofProvider, reachability, published] = await Promise.all([
    askAll(rooms.ask, consumer, approved, at),
    askAll(rooms.ask, provider, approved, at),
    Promise.all(usable(provider.facts).map((server) => reach(rooms, server))),
    rooms.published([consumer.facts, provider.facts]),
  ])
  const { serviceCode, method, path } = call
  return {
    now: at.toISOString(),
    call: { serviceCode, method, path },
    sides,
    signingCas: signingCas(approved),
    ocsp: { consumer: ofConsumer, provider: ofProvider },
    published,
    contractRequired: await store.contractRequired(),
    contracts: await store.contracts(sides.consumer.subsystem, sides.provider.subsystem, at.toISOString()),
    reachability,
  }
}

function signingCas({ shared, profileOf }: ConfigurationIndex): CaFacts[] {
  return shared.approvedCas
    .filter(({ authenticationOnly }) => !authenticationOnly)
    .map(({ name, certificateProfileInfo: profile, topCa, intermediateCas }) => ({
      ...{ name, profile, isKnown: profileOf(profile) !== undefined },
      issuers: [topCa, ...intermediateCas].map(({ cert }) => readableName(readCertificate(cert).subject)),
    }))
}

type Judged = { facts: SideFacts; good: Map<string, Certificate> }
type Trust = { approved: ConfigurationIndex; suspended: Set<string>; at: Date }

/** Validates each certificate as a server would; `good` has the valid one of each server. */
function judgeCertificates(side: RegisteredSide, { approved, suspended, at }: Trust): Judged {
  const good = new Map<string, Certificate>()
  const servers = side.servers.map((server): ServerFacts => {
    const certificates = server.certificates.map(({ sha256, certificate }) => {
      const read = readCertificate(certificate)
      const notAfter = read.notAfter.toISOString()
      try {
        checkAuthenticationCertificate(certificate, approved.caCertificates(), at)
        if (suspended.has(sha256)) return { sha256, notAfter, objection: say`it is suspended` }
        if (!good.has(server.id)) good.set(server.id, read)
        return { sha256, notAfter }
      } catch (thrown) {
        return { sha256, notAfter, objection: objectionOf(thrown) }
      }
    })
    return { ...server, certificates }
  })
  return { facts: { ...side, servers }, good }
}

function usable({ servers }: SideFacts): ServerFacts[] {
  return servers.filter(isUsable).slice(0, MOST_ASKED)
}

function askAll(
  ask: AskResponder,
  { facts, good }: Judged,
  approved: ConfigurationIndex,
  at: Date,
): Promise<Probe[]> {
  const certificates = usable(facts).flatMap(({ id }) => {
    const certificate = good.get(id)
    return certificate === undefined ? [] : [{ about: id, certificate }]
  })
  return Promise.all(certificates.map(async (one) => askOne(ask, one, approved, at)))
}

/** The status of one certificate, from the first of its CA's responders that gives an acceptable answer. */
async function askOne(
  ask: AskResponder,
  { about, certificate }: { about: string; certificate: Certificate },
  approved: ConfigurationIndex,
  at: Date,
): Promise<Probe> {
  const issuer = approved.caOf(certificate)
  if (issuer === undefined || issuer.ocspUrls.length === 0)
    return {
      about,
      state: 'bad',
      what: say`its CA has no OCSP responder in the register`,
      remedy: say`add the CA with its responder's address`,
    }
  const question = buildOcspRequest(certificate, issuer.ca)
  let last: Probe | undefined
  for (const url of issuer.ocspUrls.slice(0, 2)) {
    try {
      const response = await ask(url, question)
      const { validUntil } = verifyOcspResponse({
        ...{ response, certificate, issuer: issuer.ca, responders: issuer.responders, at },
        freshnessSeconds: approved.ocspFreshnessSeconds,
      })
      return { about, state: 'good', what: say`good until ${validUntil.toISOString()} by ${url}` }
    } catch (thrown) {
      const fault = asFault(thrown)
      const what = listed([url, fault.said ?? toldBy(fault).text], ': ')
      if (fault.code !== 'network_error')
        return {
          about,
          state: 'bad',
          what,
          remedy: say`ask the CA about the certificate; register another one when it is revoked`,
        }
      last ??= {
        about,
        state: 'unknown',
        what,
        remedy: say`look whether the OCSP responder runs and can be reached, and tell its CA`,
      }
    }
  }
  return last!
}

async function reach(
  { handshake, connects }: Pick<GatherRooms, 'handshake' | 'connects'>,
  { id, address, certificates }: ServerFacts,
): Promise<Probe> {
  const [message, ocsp] = await Promise.all([handshake(address, MESSAGE_PORT), connects(address, OCSP_PORT)])
  const about = say`${id} at ${address}`
  if (!message.connected)
    return {
      about,
      state: 'bad',
      what: say`port ${MESSAGE_PORT} does not answer`,
      remedy: say`look whether the security server runs, its address is right, and firewalls let ports ${MESSAGE_PORT} and ${OCSP_PORT} through`,
    }
  const shown = message.presented
  if (shown !== undefined && !certificates.some(({ sha256 }) => sha256 === shown))
    return {
      about,
      state: 'bad',
      what: say`it shows the certificate ${shown.slice(0, 16)}…, which is not registered for it`,
      remedy: say`register that certificate, or let the server use the registered one, or correct its address`,
    }
  if (!ocsp)
    return {
      about,
      state: 'bad',
      what: say`port ${MESSAGE_PORT} answers, port ${OCSP_PORT} does not`,
      remedy: say`open port ${OCSP_PORT}: others ask there for the status of its certificate`,
    }
  const how =
    shown === undefined
      ? say`it ended the handshake before it showed a certificate`
      : say`it shows its registered certificate`
  return { about, state: 'good', what: say`ports ${MESSAGE_PORT} and ${OCSP_PORT} answer, and ${how}` }
}

function objectionOf(thrown: unknown): Said {
  const { text, remedy } = toldBy(asFault(thrown))
  return listed([text, remedy], ' ')
}

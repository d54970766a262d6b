/**
 * The part of a plan about approved CAs with their intermediates and OCSP responders, and time-stamping
 * authorities; pure.
 */
import { createHash } from 'node:crypto'
import { type Certificate, readCertificate } from '#core/certificate/certificate.ts'
import type { AcmeServer, CaInfo, CostType, CsrFormat } from '#schemas/global-configuration.ts'
import type { RegisterRows } from '../../configuration/assemble.ts'
import type { Source } from '../../configuration/other-instances/read-source.ts'
import { checkName } from '../../members/rules.ts'
import {
  checkAcmeServer,
  checkCa,
  checkIssued,
  checkProfile,
  checkUrl,
  checkValid,
  isProfileKnown,
} from '../../trust/rules.ts'
import type { NewAuthority } from '../../trust/store.ts'
import type { Notes } from './notes.ts'

export type AddedTrust = {
  services: {
    name: string
    profile: string
    authenticationOnly: boolean
    csrFormat: CsrFormat
    acmeServer: AcmeServer | undefined
    top: NewAuthority
  }[]
  /** `of` is the SHA-256 of the service's top CA. */
  intermediates: { of: string; authority: NewAuthority }[]
  timestampingServices: {
    name: string
    url: string
    certificate: Buffer
    cost_type: CostType
    sha256: string
  }[]
}

type TrustQuestion = { source: Pick<Source, 'shared'>; register: RegisterRows; now: Date }

export function planTrust(q: TrustQuestion, notes: Notes): AddedTrust {
  const { source, register, now } = q
  const take: Omit<AddedTrust, 'timestampingServices'> = { services: [], intermediates: [] }
  const taken = new Set(register.authorities.map(({ sha256 }) => sha256))
  const published = new Set<string>()
  for (const ca of source.shared.approvedCas) {
    const what = `approved CA ${ca.name}`
    let top: Certificate | undefined
    const isAllowed = notes.allows(what, () => {
      checkName(ca.name)
      checkProfile(ca.certificateProfileInfo)
      top = checkCa(ca.topCa.cert, now)
    })
    published.add(digest(ca.topCa.cert))
    if (!isAllowed || top === undefined) {
      for (const { cert } of ca.intermediateCas) published.add(digest(cert))
      continue
    }
    const row = register.authorities.find(({ sha256 }) => sha256 === top!.sha256)
    const service = register.services.find(({ id }) => id === row?.service)
    if (row === undefined && taken.has(top.sha256)) {
      notes.leave(what, 'its certificate stands in the configuration twice')
    } else if (row === undefined) {
      taken.add(top.sha256)
      const own = register.certificateProfiles.map(({ name }) => name)
      if (!isProfileKnown(ca.certificateProfileInfo, own))
        notes.warn(
          `certificate profile of the ${what}`,
          `nobody here knows ${ca.certificateProfileInfo}: its signing certificates are refused until the profile is added under this name`,
        )
      take.services.push({
        ...{ name: ca.name, profile: ca.certificateProfileInfo, authenticationOnly: ca.authenticationOnly },
        csrFormat: ca.defaultCsrFormat ?? 'DER',
        acmeServer: acmeServerOf(ca.acmeServer, what, notes),
        top: authorityOf(top, ca.topCa, what),
      })
    } else if (row.is_top === 0 || service === undefined) {
      notes.leave(what, 'its certificate is an intermediate CA in the register')
      continue
    } else {
      notes.differ(`name of the ${what}`, service.name, ca.name)
      notes.differ(`certificate profile of the ${what}`, service.profile, ca.certificateProfileInfo)
      notes.differ(
        `"authentication only" of the ${what}`,
        String(service.authentication_only === 1),
        String(ca.authenticationOnly),
      )
      // Only version 6 says it.
      if (ca.defaultCsrFormat !== undefined)
        notes.differ(`certificate request format of the ${what}`, service.csr_format, ca.defaultCsrFormat)
      compareAcme(ca.acmeServer, service.acme_server, what, notes)
      compareResponders(what, top.sha256, ca.topCa)
    }
    planIntermediates(ca.intermediateCas, top, what)
  }

  function planIntermediates(infos: CaInfo[], top: Certificate, of: string): void {
    // An intermediate CA may have been issued by another one that comes later in the list.
    const authorities = [top.der, ...infos.map(({ cert }) => cert)]
    for (const info of infos) {
      const sha256 = digest(info.cert)
      const what = `intermediate CA ${sha256.slice(0, 16)} of ${of}`
      published.add(sha256)
      if (taken.has(sha256)) {
        compareResponders(what, sha256, info)
        continue
      }
      notes.allows(what, () => {
        const certificate = checkCa(info.cert, now)
        checkIssued(
          certificate,
          authorities.filter((one) => !one.equals(certificate.der)),
        )
        taken.add(certificate.sha256)
        take.intermediates.push({ of: top.sha256, authority: authorityOf(certificate, info, what) })
      })
    }
  }

  function authorityOf(certificate: Certificate, { ocsp }: CaInfo, what: string): NewAuthority {
    const responders = ocsp.filter(({ url, cert }) =>
      notes.allows(`OCSP responder ${url} of the ${what}`, () => {
        checkUrl(url)
        if (cert !== undefined) checkValid(cert, now)
      }),
    )
    return {
      certificate: { sha256: certificate.sha256, der: certificate.der },
      responders: responders.map(({ url, cert, costType = 'UNDEFINED' }) => ({
        ...{ url, certificate: cert, costType },
      })),
    }
  }

  function compareResponders(what: string, authority: string, { ocsp }: CaInfo): void {
    const here = register.responders
      .filter((one) => one.authority === authority)
      .map(({ cost_type, ...one }) => ({ ...one, cost: cost_type }))
    const text = (all: { url: string; certificate?: Buffer | null | undefined; cost: string }[]): string =>
      all
        .map(({ url, certificate, cost }) =>
          [url, certificate ? digest(certificate).slice(0, 16) : '', cost].filter(Boolean).join(' '),
        )
        .sort()
        .join(', ')
    const there = ocsp.map(({ url, cert, costType = 'UNDEFINED' }) => ({
      url,
      certificate: cert,
      cost: costType,
    }))
    notes.differ(`OCSP responders of the ${what}`, text(here), text(there))
  }

  for (const { sha256, is_top } of register.authorities)
    if (!published.has(sha256)) notes.onlyHere(`${is_top === 1 ? 'approved' : 'intermediate'} CA ${sha256}`)

  return { ...take, timestampingServices: planTimestamping(q, notes) }
}

function planTimestamping(
  { source, register, now }: TrustQuestion,
  notes: Notes,
): AddedTrust['timestampingServices'] {
  const take: AddedTrust['timestampingServices'] = []
  const urls = new Map(register.timestampingServices.map((one) => [one.url, one]))
  for (const { name, url, cert, costType = 'UNDEFINED' } of source.shared.approvedTsas) {
    const what = `time-stamping authority ${name}`
    const here = urls.get(url)
    if (here !== undefined) {
      notes.differ(`name of the ${what}`, here.name, name)
      notes.differ(`certificate of the ${what}`, digest(here.certificate), digest(cert))
      notes.differ(`cost type of the ${what}`, here.cost_type, costType)
      continue
    }
    notes.allows(what, () => {
      checkName(name)
      const { der, sha256 } = checkValid(cert, now)
      take.push({ name, url: checkUrl(url), certificate: der, cost_type: costType, sha256 })
      urls.set(url, { name, url, certificate: der, cost_type: costType })
    })
  }
  const there = new Set(source.shared.approvedTsas.map(({ url }) => url))
  for (const { name, url } of register.timestampingServices)
    if (!there.has(url)) notes.onlyHere(`time-stamping authority ${name}`)
  return take
}

function acmeServerOf(given: AcmeServer | undefined, what: string, notes: Notes): AcmeServer | undefined {
  if (given === undefined) return undefined
  return notes.allows(`ACME server of the ${what}`, () => checkAcmeServer(given)) ? given : undefined
}

/** `here` is the register's JSON. One that the register would not take is said once, as not taken. */
function compareAcme(given: AcmeServer | undefined, here: string | null, what: string, notes: Notes): void {
  const there = acmeServerOf(given, what, notes)
  if (given !== undefined && there === undefined) return
  const own = here === null ? undefined : (JSON.parse(here) as AcmeServer)
  notes.differ(`ACME server of the ${what}`, acmeText(own), acmeText(there))
}

/** Its fields in one order: as they are read they may have any, and undefined ones. */
function acmeText(of: AcmeServer | undefined): string {
  if (of === undefined) return ''
  const { directoryUrl, ipAddress, authenticationCertificateProfileId, signingCertificateProfileId } = of
  return [directoryUrl, ipAddress, authenticationCertificateProfileId, signingCertificateProfileId]
    .filter((one) => one !== undefined)
    .join(' ')
}

/** SHA-256 of the DER; also for certificates that cannot be read. */
function digest(der: Buffer): string {
  try {
    return readCertificate(der).sha256
  } catch {
    return createHash('sha256').update(der).digest('hex')
  }
}

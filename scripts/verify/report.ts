/** A verdict on a container as lines for people or as one JSON object. */

import { readableName } from '#core/certificate/name.ts'
import type { ContainerVerdict } from '#core/container/container.ts'
import { printable } from '#platform/plain-text.ts'
import { idText, memberOf } from '#schemas/identifiers.ts'
import type { LoadedConfiguration } from './configuration-files.ts'

/** The result of verifying a file, with the same texts and facts on the command line and in the page. */
export type Report = {
  kind:
    | ('container' | 'bundle' | 'archive' | 'statement' | 'export' | 'presentation' | 'consent' | 'use')
    | ('proof' | 'history' | 'credential')
  /** True only for TOTAL-PASSED. */
  passed: boolean
  /** The object that --json prints. */
  facts: object
  /** Lines for people. */
  text: string
}

type Judged = {
  file: string
  verdict: ContainerVerdict
  configuration: LoadedConfiguration
  judgedAt: Date
}

/** Lines of label and value, the verdict first. */
export function textReport({ file, verdict, configuration, judgedAt }: Judged): string {
  const { signer, signingCertificate: certificate, timeStamp, covers } = verdict
  const rows: [label: string, value: string][] = []
  if (verdict.code !== undefined) rows.push(['code', verdict.code])
  if (signer !== undefined) {
    const name = configuration.indexes.get(signer.instance)?.memberName(memberOf(signer))
    rows.push(['signed by', `${idText(signer)}${name === undefined ? '' : ` (${name})`}`])
  }
  if (certificate !== undefined) {
    rows.push([
      'certificate',
      `${readableName(certificate.subject)}, serial number ${certificate.serialNumber}`,
    ])
    rows.push(['issued by', readableName(certificate.issuer)])
  }
  if (verdict.signingTime !== undefined)
    rows.push(['signed at', `${verdict.signingTime.toISOString()} (by its own words)`])
  if (timeStamp !== undefined) {
    rows.push(['time-stamped', `${timeStamp.time.toISOString()} by ${readableName(timeStamp.tsa.subject)}`])
  }
  for (const { name, covered, present } of covers) {
    rows.push([covered ? 'covers' : 'does not cover', present ? name : `${name} (left out of the container)`])
  }
  rows.push([
    'configuration',
    `${[...configuration.indexes.keys()].join(', ')}, from ${configuration.origin}`,
  ])
  rows.push(['own instance', ownInWords(configuration)])
  rows.push(['judged at', judgedAt.toISOString()])
  const head = `${verdict.verdict}${verdict.subIndication === undefined ? '' : `, ${verdict.subIndication}`}`
  const lines = rows.map(([label, value]) => `  ${label.padEnd(16)}${value}`)
  return `${[`${file}: ${head}`, `  ${verdict.reason}`, ...lines].map(printable).join('\n')}\n`
}

/** The same facts as an object; times are ISO texts, the certificate is base64 of its DER. */
export function factsReport({ file, verdict, configuration, judgedAt }: Judged): object {
  return {
    file,
    ...containerFacts(verdict),
    configuration: configurationFacts(configuration),
    judgedAt: judgedAt.toISOString(),
  }
}

/** By what a container was judged, for people: which instance is theirs decides whose time-stamps count. */
export function ownInWords({ own }: LoadedConfiguration): string {
  return own === undefined
    ? "not named: time-stamps count by the signer's instance alone"
    : `${own}: time-stamps count by it, or by the signer's instance`
}

/** The same for JSON; `own` is null when the configuration does not name the reader's instance. */
export function configurationFacts({ indexes, origin, own }: LoadedConfiguration): object {
  return { instances: [...indexes.keys()], origin, own: own ?? null }
}

/** The verdict on a container, for JSON. */
export function containerFacts(verdict: ContainerVerdict): object {
  const { signer, signingCertificate, signingTime, timeStamp, ...rest } = verdict
  return {
    ...rest,
    signer: signer && idText(signer),
    signingCertificate: signingCertificate && {
      subject: readableName(signingCertificate.subject),
      issuer: readableName(signingCertificate.issuer),
      serialNumber: String(signingCertificate.serialNumber),
      sha256: signingCertificate.sha256,
      der: signingCertificate.der.toString('base64'),
    },
    signingTime: signingTime?.toISOString(),
    timeStamp: timeStamp && {
      time: timeStamp.time.toISOString(),
      tsa: readableName(timeStamp.tsa.subject),
      keyCountedUntil: timeStamp.keyCountedUntil?.toISOString(),
    },
  }
}

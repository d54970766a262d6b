/** A verdict on a container as lines for people or as one JSON object. */

import { readableName } from '#core/certificate/name.ts'
import type { ContainerVerdict } from '#core/container/container.ts'
import { printable } from '#platform/plain-text.ts'
import { idText, memberOf } from '#schemas/identifiers.ts'
import type { LoadedConfiguration } from './configuration-files.ts'

/** The result of verifying a file, with the same texts and facts on the command line and in the page. */
export type Report = {
  kind:
    | ('container' | 'bundle' | 'archive' | 'statement' | 'export' | 'presentation' | 'consent')
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
  configuration: Pick<LoadedConfiguration, 'indexes' | 'origin'>
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
    configuration: { instances: [...configuration.indexes.keys()], origin: configuration.origin },
    judgedAt: judgedAt.toISOString(),
  }
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

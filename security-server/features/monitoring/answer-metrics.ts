/**
 * getSecurityServerMetrics: how machine, process and certificates are, as a tree of metrics (pr-envmonmes).
 */
import { escapeXml } from '#core/xml/escape.ts'
import type { Time } from '#schemas/sent-values.ts'
import type { Distribution, Metric } from './machine.ts'

/** A certificate as X-Road's monitoring tells it. */
export type CertificateMetric = {
  sha1: string
  type: string
  notBefore: Time
  notAfter: string
  active: boolean
}

/** The element of the answer, with the metrics of these names alone if there are any. */
export function writeMetrics(q: {
  server: string
  version: string
  metrics: Metric[]
  certificates: CertificateMetric[]
  names: readonly string[]
}): string {
  const isWanted = (name: string): boolean => q.names.length === 0 || q.names.includes(name)
  const metrics = q.metrics.filter(({ name }) => isWanted(name)).map(metric)
  const certificates = isWanted('Certificates') ? [set('Certificates', q.certificates.map(certificate))] : []
  const content = [text('proxyVersion', q.version), set('systemMetrics', [...metrics, ...certificates])]
  return (
    '<m:getSecurityServerMetricsResponse xmlns:m="http://x-road.eu/xsd/monitoring">' +
    `${set(`SERVER:${q.server}`, content)}</m:getSecurityServerMetricsResponse>`
  )
}

function metric({ name, is }: Metric): string {
  if (typeof is === 'string') return text(name, is)
  return typeof is === 'number' ? element('numericMetric', name, value(decimal(is))) : histogram(name, is)
}

function certificate({ sha1, type, notBefore, notAfter, active }: CertificateMetric): string {
  const parts = { sha1hash: sha1, certificateType: type, notBefore, notAfter, active: String(active) }
  return set(
    `certificate-${sha1}`,
    Object.entries(parts).map(([name, of]) => text(name, of)),
  )
}

function histogram(name: string, of: Distribution): string {
  const { updated, min, max, mean, median, deviation } = of
  const numbers = { min, max, mean, median, stddev: deviation }
  const written = Object.entries(numbers).map(([part, one]) => `<m:${part}>${decimal(one)}</m:${part}>`)
  const time = `<m:updated>${new Date(updated).toISOString()}</m:updated>`
  return element('histogramMetric', name, `${time}${written.join('')}`)
}

function set(name: string, content: string[]): string {
  return element('metricSet', name, content.join(''))
}

function text(name: string, of: string): string {
  return element('stringMetric', name, value(escapeXml(of)))
}

function value(of: string): string {
  return `<m:value>${of}</m:value>`
}

function element(kind: string, name: string, content: string): string {
  return `<m:${kind}><m:name>${escapeXml(name)}</m:name>${content}</m:${kind}>`
}

/** An xs:decimal knows no exponent. */
function decimal(of: number): string {
  return Number.isInteger(of) ? BigInt(of).toString() : of.toFixed(4)
}

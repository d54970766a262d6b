/** getSecurityServerHealthData: how each of our services answered lately (pr-opmon). */
import { identifierCodes } from '#core/transport/write-soap.ts'
import { type ClientId, idText, subsystemOf } from '#schemas/identifiers.ts'
import { type HealthWindow, PERIOD_SECONDS, type ServiceHealth, type Spread } from './health-window.ts'

/** The element of the answer; `isShown` says which services the asker may know of. */
export function writeHealthData(
  { startedAt, services }: HealthWindow,
  provider: ClientId | undefined,
  isShown: (service: ServiceHealth['service']) => boolean,
): string {
  const shown = services().filter(
    ({ service }) =>
      isShown(service) && (provider === undefined || idText(subsystemOf(service)) === idText(provider)),
  )
  const events = shown.map(serviceEvents).join('')
  return (
    '<om:getSecurityServerHealthDataResponse xmlns:om="http://x-road.eu/xsd/op-monitoring.xsd">' +
    `${element('monitoringStartupTimestamp', Math.round(startedAt))}` +
    `${element('statisticsPeriodSeconds', PERIOD_SECONDS)}` +
    `<om:servicesEvents>${events}</om:servicesEvents></om:getSecurityServerHealthDataResponse>`
  )
}

function serviceEvents(one: ServiceHealth): string {
  const { service, serviceType, lastSuccess, lastFailure, succeeded, failed } = one
  return (
    `<om:serviceEvents><om:service id:objectType="SERVICE">${identifierCodes(service)}</om:service>` +
    `${element('lastSuccessfulRequestTimestamp', lastSuccess)}` +
    `${element('lastUnsuccessfulRequestTimestamp', lastFailure)}` +
    `${element('serviceType', serviceType)}<om:lastPeriodStatistics>` +
    `${element('successfulRequestCount', succeeded)}${element('unsuccessfulRequestCount', failed)}` +
    `${spread('request', 'Duration', one.duration)}${spread('request', 'Size', one.requestSize)}` +
    `${spread('response', 'Size', one.responseSize)}</om:lastPeriodStatistics></om:serviceEvents>`
  )
}

function spread(side: 'request' | 'response', what: 'Duration' | 'Size', of: Spread | undefined): string {
  if (of === undefined) return ''
  return (
    `${element(`${side}Min${what}`, Math.round(of.min))}${element(`${side}Average${what}`, of.average)}` +
    `${element(`${side}Max${what}`, Math.round(of.max))}${element(`${side}${what}StdDev`, of.deviation)}`
  )
}

function element(name: string, value: number | string | undefined): string {
  return value === undefined ? '' : `<om:${name}>${value}</om:${name}>`
}

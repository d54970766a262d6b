/** Services as rows: their addresses and settings are checked before anything is stored. */
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { checkServiceUrl, TRACKER_URL, takesEvents } from './check-address.ts'
import { codeOf } from './description-change.ts'
import type { Manage } from './manage.ts'
import type * as store from './services/store.ts'
import type { WsdlSummary } from './summarise-wsdl.ts'
import type { Validate } from './view.ts'

export type ServiceChange = {
  url?: string | undefined
  timeoutMs?: number | undefined
  /** 0: no bound. */
  maxConcurrentCalls?: number | undefined
  verifyTls?: boolean | undefined
  validate?: Validate | undefined
  allowEncodedSlash?: boolean | undefined
}

export type NewService = Omit<Parameters<typeof store.insertService>[1], 'description'>

const MOST_CALLS = 10_000
const TIMEOUT = { least: 1000, usual: 60_000, most: 1_000_000 }
const USUAL = { timeoutMs: TIMEOUT.usual, verifyTls: true, allowEncodedSlash: false }

/** The settings of a new service: the usual ones where none are given. */
export function newSettings(given: ServiceChange & { url: string }): Required<ReturnType<typeof columnsOf>> {
  return columnsOf({ ...USUAL, ...given }) as Required<ReturnType<typeof columnsOf>>
}

/**
 * The services of a WSDL document. Throws `service_missing_url` where neither it nor `given` names an
 * address.
 */
export function serviceRows(
  { services }: Pick<WsdlSummary, 'services'>,
  client: string,
  given: ServiceChange & { isTracker?: true },
  manage: Pick<Manage, 'own'>,
): NewService[] {
  return services.map(({ code, version, url }) => {
    const address = given.url ?? url
    if (address === undefined) throw new Fault('service_missing_url', { what: code })
    if (takesEvents(address))
      throw new Fault('service_malformed_url', { what: say`inboxes and rooms are REST services` })
    const checked = given.isTracker ? TRACKER_URL : checkServiceUrl(address, manage.own)
    const settings = newSettings({ ...given, url: checked })
    return { ...settings, client, code: codeOf({ serviceCode: code, serviceVersion: version }) }
  })
}

/** Throws `invalid_input` for a timeout or a number of calls outside its bounds. */
export function columnsOf(change: ServiceChange) {
  const { url, timeoutMs, maxConcurrentCalls, verifyTls, validate, allowEncodedSlash } = change
  if (timeoutMs !== undefined && (timeoutMs < TIMEOUT.least || timeoutMs > TIMEOUT.most)) {
    throw new Fault('invalid_input', { what: say`a timeout is ${TIMEOUT.least} to ${TIMEOUT.most} ms` })
  }
  if (maxConcurrentCalls !== undefined && (maxConcurrentCalls < 0 || maxConcurrentCalls > MOST_CALLS)) {
    throw new Fault('invalid_input', { what: say`1 to ${MOST_CALLS} calls at once, or 0 for no bound` })
  }
  return {
    ...(url === undefined ? {} : { url }),
    ...(timeoutMs === undefined ? {} : { timeout_ms: timeoutMs }),
    ...(maxConcurrentCalls === undefined ? {} : { max_concurrent_calls: maxConcurrentCalls }),
    ...(verifyTls === undefined ? {} : { verify_tls: verifyTls ? 1 : 0 }),
    ...(validate === undefined ? {} : { validate }),
    ...(allowEncodedSlash === undefined ? {} : { allow_encoded_slash: allowEncodedSlash ? 1 : 0 }),
  }
}

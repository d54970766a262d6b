/**
 * X-Road's diagnostics of connections. X-Road tells how the last one went; this server tries each when it is
 * asked.
 */
import { Fault } from '#schemas/fault.ts'
import { type Entry, fileOf } from './entry.ts'

type Step = { state: 'good' | 'bad'; what: string; remedy?: string }
type Tried = { at: string; items: { name: string; steps: Step[] }[] }
type Authority = { name: string; ocspUrls: string[] }

const PATH = '/diagnostics'
export function connectionEntries(): Entry[] {
  const through = ['testConnections']
  return [
    {
      ...{ name: 'getTimestampingServicesDiagnostics', method: 'GET', status: 200, through },
      path: `${PATH}/timestamping-services`,
      async answer({ call }) {
        const { at, items } = await call<Tried>('testConnections', { body: { kind: 'TIME_STAMPING' } })
        return items.map(({ name, steps }) => ({ url: name, ...outcome(steps), prev_update_at: at }))
      },
    },
    {
      ...{
        name: 'getOcspRespondersDiagnostics',
        method: 'GET',
        path: `${PATH}/ocsp-responders`,
        status: 200,
      },
      through: ['getApprovedCertificateAuthorities', ...through],
      async answer({ call }) {
        const authorities = await call<Authority[]>('getApprovedCertificateAuthorities')
        const { at, items } = await call<Tried>('testConnections', { body: { kind: 'OCSP' } })
        // The responders are tried in the order of the authorities, each once for its authority.
        return authorities.map(({ name, ocspUrls }) => {
          const own = items.filter((item) => item.name === name)
          const responders = [...new Set(ocspUrls)].flatMap((url, i) => {
            const steps = own[i]?.steps
            if (steps === undefined) return []
            // X-Road's tools want a next time; nothing is tried before somebody asks again.
            return [{ url, ...outcome(steps), prev_update_at: at, next_update_at: at }]
          })
          return { distinguished_name: name, ocsp_responders: responders }
        })
      },
    },
    {
      ...{
        name: 'getAuthCertReqStatus',
        method: 'GET',
        path: `${PATH}/auth-cert-req-status`,
        status: 200,
        through,
      },
      async answer({ call }) {
        const { items } = await call<Tried>('testConnections', { body: { kind: 'REGISTRATION' } })
        return outcome(tried(items[0], 'the registration service'))
      },
    },
    {
      ...{
        name: 'getGlobalConfStatus',
        method: 'GET',
        path: `${PATH}/global-conf-status`,
        status: 200,
        through,
      },
      async answer({ call }) {
        const { items } = await call<Tried>('testConnections', { body: { kind: 'CONFIGURATION' } })
        return items.map(({ name, steps }) => ({ download_url: name, connection_status: outcome(steps) }))
      },
    },
    {
      ...{ name: 'getOtherSecurityServerStatus', method: 'GET', status: 200, through },
      path: `${PATH}/other-security-server-status`,
      async answer({ query, call }) {
        const { target_client_id: clientId, security_server_id: wanted } = query
        const body = { kind: 'PEER', ...(clientId === undefined ? {} : { clientId }) }
        const { items } = await call<Tried>('testConnections', { body })
        const found = items.find(({ name }) => wanted === undefined || name === wanted)
        return outcome(tried(found, String(wanted ?? 'a server of this client').slice(0, 300)))
      },
    },
    {
      ...{ name: 'downloadDiagnosticsReport', method: 'GET', path: `${PATH}/info/download`, status: 200 },
      through: ['makeDiagnosticReport'],
      async answer({ call }) {
        const report = Buffer.from(JSON.stringify(await call('makeDiagnosticReport'), null, 2))
        return fileOf(report, 'diagnostic-report.json', 'application/json')
      },
    },
  ]
}

/** The steps of a connection that was tried. Throws `not_found`: what was not tried has not failed. */
function tried(item: Tried['items'][number] | undefined, what: string): Step[] {
  if (item !== undefined) return item.steps
  throw new Fault('not_found', { what: `${what} is not among the connections that were tried` })
}

/** Of the words of the first step that went wrong; `status_code` for tools of earlier versions. */
function outcome(steps: Step[]): object {
  const bad = steps.find(({ state }) => state === 'bad')
  if (bad === undefined && steps.length > 0) return { status_class: 'OK', status_code: 'SUCCESS' }
  const metadata = bad === undefined ? [] : [bad.what, ...(bad.remedy === undefined ? [] : [bad.remedy])]
  return {
    ...{ status_class: 'FAIL', status_code: 'ERROR_CODE_NO_NETWORK_CONNECTION' },
    error: { code: 'network_error', metadata },
  }
}

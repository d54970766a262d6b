/** The first start, the anchor and the state of the configuration, as X-Road's tools ask for them. */

import { bodyBytes } from '#platform/http-service/read-bodies.ts'
import { VERSION } from '#platform/process/version.ts'
import { Fault } from '#schemas/fault.ts'
import type { ConfigurationState } from '../../global-configuration/state.ts'
import type { Entry } from './entry.ts'
import { fieldsOf } from './fields.ts'
import type { Needs } from './needs.ts'

type Status = { anchorInstalled: boolean; tokenInitialized: boolean }

/** How long after an attempt the next one begins: the configuration's job, `refresh-configuration`. */
const REFRESH_MS = 30_000

export function initializationEntries(rooms: Needs): Entry[] {
  const { server } = rooms
  return [
    {
      ...{ name: 'getInitializationStatus', method: 'GET', path: '/initialization/status', status: 200 },
      through: ['getInitializationStatus'],
      async answer({ call }) {
        const { anchorInstalled, tokenInitialized } = await call<Status>('getInitializationStatus')
        return {
          is_anchor_imported: anchorInstalled,
          // The settings name the server from the start; X-Road's tools go on to the token only while its
          // code is missing.
          is_server_code_initialized: tokenInitialized,
          is_server_owner_initialized: tokenInitialized,
          software_token_init_status: tokenInitialized ? 'INITIALIZED' : 'NOT_INITIALIZED',
          enforce_token_pin_policy: false,
        }
      },
    },
    {
      ...{ name: 'initSecurityServer', method: 'POST', path: '/initialization', status: 201 },
      through: ['initSecurityServer'],
      codes: { conflict: 'server_already_fully_initialized' },
      async answer({ body, call }) {
        const given = fieldsOf(body)
        const named: [string, string][] = [
          ['owner_member_class', server.memberClass],
          ['owner_member_code', server.memberCode],
          ['security_server_code', server.serverCode],
        ]
        for (const [field, ours] of named) {
          if (given.textOr(field, ours) !== ours)
            throw new Fault('invalid_input', { what: `the settings of this server say ${field} ${ours}` })
        }
        await call('initSecurityServer', { body: { softwareTokenPin: given.text('software_token_pin') } })
      },
    },
    ...anchorEntries(),
    {
      ...{ name: 'getGlobalConfDiagnostics', method: 'GET', path: '/diagnostics/globalconf', status: 200 },
      through: ['getGlobalConfiguration'],
      async answer({ call }) {
        const { attempt, own } = await call<ConfigurationState>('getGlobalConfiguration')
        const { lastAttempt, lastError } = attempt
        const last = lastAttempt ?? new Date(rooms.clock())
        const isWaiting = lastAttempt === undefined
        return {
          status_class: lastError !== undefined ? 'FAIL' : isWaiting ? 'WAITING' : 'OK',
          status_code: lastError !== undefined ? 'INTERNAL' : isWaiting ? 'UNINITIALIZED' : 'SUCCESS',
          prev_update_at: last,
          next_update_at: new Date(last.getTime() + REFRESH_MS),
          ...(own?.source === undefined ? {} : { last_successful_url: own.source }),
          ...(lastError === undefined
            ? {}
            : { error: { code: lastError.code, metadata: [lastError.message] } }),
        }
      },
    },
    {
      ...{ name: 'systemVersion', method: 'GET', path: '/system/version', status: 200 },
      ...{ through: [], roles: ['any'] },
      answer: () => {
        const { own } = rooms.globalConfiguration.state()
        return { info: `Concordat ${VERSION}`, ...(own && { global_configuration_version: own.version }) }
      },
    },
  ]
}

function anchorEntries(): Entry[] {
  return [
    {
      ...{ name: 'getAnchor', method: 'GET', path: '/system/anchor', status: 200 },
      through: ['getAnchor'],
      codes: { not_found: 'anchor_file_not_found' },
      answer: async ({ call }) => anchorView(await call('getAnchor')),
    },
    {
      ...{ name: 'uploadInitialAnchor', method: 'POST', path: '/system/anchor', status: 201, takes: 'bytes' },
      through: ['uploadInitialAnchor'],
      codes: { conflict: 'anchor_already_exists', malformed_anchor: 'malformed_anchor' },
      answer: async (asked) =>
        void (await asked.call('uploadInitialAnchor', { body: bodyBytes(asked.body) })),
    },
    {
      ...{ name: 'replaceAnchor', method: 'PUT', path: '/system/anchor', status: 201, takes: 'bytes' },
      through: ['replaceAnchor'],
      answer: async (asked) => void (await asked.call('replaceAnchor', { body: bodyBytes(asked.body) })),
    },
    {
      ...{
        name: 'previewAnchor',
        method: 'POST',
        path: '/system/anchor/previews',
        status: 200,
        takes: 'bytes',
      },
      through: ['previewAnchor'],
      answer: async (asked) => anchorView(await asked.call('previewAnchor', { body: bodyBytes(asked.body) })),
    },
  ]
}

function anchorView({ hash, generatedAt }: { hash: string; generatedAt: Date }): object {
  return { hash, created_at: generatedAt }
}

/** The address of a system as settings have it, with notes of what is not right about it. */
import { isSafe } from '#platform/sessions/settings.ts'

const UNKNOWN = 'https://address.example'

export function systemOf(written: string, key: string): { system: { url: string }; notes: string[] } {
  const url = URL.parse(written)
  if (url === null || !['http:', 'https:'].includes(url.protocol) || url.hostname === '')
    return { system: { url: UNKNOWN }, notes: [`${key}=${written}: is no address; put that of the system`] }
  const address = `${url.origin}${url.pathname.replace(/\/+$/, '')}`
  const notes = isSafe(address)
    ? []
    : [`${key}: is not encrypted; a system on another machine is asked by https alone`]
  return { system: { url: address }, notes }
}

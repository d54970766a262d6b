/**
 * Services that this server answers itself: what stands for their address, and where those are switched by
 * which people see their data.
 */
import { Link } from '../../kit/address.tsx'
import { useMay } from '../../kit/context.ts'
import { type TextKey, text } from '../../kit/text.ts'
import { Id } from '../words.tsx'
import type { Description, Service } from './shapes.ts'

/** The address of services that answer people who used their data. */
export const TRACKER_URL = 'tracker:'
const CONSENTS_URL = 'consents:'
const ROOM_URL = 'room:'
const INBOX_URL = 'inbox:'

type Switch = { to: string; title: TextKey; lead: TextKey; see: string }

/** Their settings are those of their switch. */
const SWITCHES: Record<string, Switch> = {
  [TRACKER_URL]: {
    ...{ to: '/trackers', title: 'trackers.title', see: 'getTrackers' },
    lead: 'services.switched.tracker',
  },
  [CONSENTS_URL]: {
    ...{ to: '/consents', title: 'consents.title', see: 'getConsentServices' },
    lead: 'services.switched.consents',
  },
}

type Addressed = Pick<Service, 'url'>

/** Whether the service is switched on and off on a page of its own, and not changed or deleted here. */
export const isSwitched = ({ url }: Addressed): boolean => Object.hasOwn(SWITCHES, url)

/** Why a service is not changed here, and where it is switched. */
export function SwitchedElsewhere({ of: { url } }: { of: Addressed }) {
  const found = SWITCHES[url]!
  const maySee = useMay(found.see)
  return (
    <p class="note part">
      {text(found.lead)} {maySee && <Link to={found.to}>{text(found.title)}</Link>}
    </p>
  )
}

/**
 * Where the server calls the system of a service, or where a document comes from: in words, where that is the
 * server itself.
 */
export function AddressOf({ url }: Addressed) {
  if (isSwitched({ url }) || url === ROOM_URL) return <>{text('services.answeredHere')}</>
  if (url === INBOX_URL) return <>{text('services.fetchedHere')}</>
  if (!url.startsWith(INBOX_URL)) return <Id of={url} />
  return (
    <>
      {text('services.pushedTo')} <Id of={url.slice(INBOX_URL.length)} />
    </>
  )
}

/** Where the document of a description comes from, or else where its service is called. */
export function SourceOf({ of: { services, url } }: { of: Pick<Description, 'services' | 'url'> }) {
  const from = services.find(isSwitched)?.url ?? url
  if (from === '') return <>{text('services.fromFile')}</>
  return <AddressOf url={from} />
}

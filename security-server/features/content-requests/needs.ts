/** The parts of the server that this feature uses. */
import type { ContentRequests } from './create-content-requests.ts'

export type Needs = { contentRequests: ContentRequests }

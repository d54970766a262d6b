/** What the feature needs of the server. */
import type { ContentRequests } from './create-content-requests.ts'

export type Needs = { contentRequests: ContentRequests }

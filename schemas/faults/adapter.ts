/**
 * Faults of adapters: the way from an adapter to the system behind it. They leave with the answer of a
 * service, under its signature.
 */
import type { FaultEntry } from './entry.ts'

export const adapterFaults = {
  source_unavailable: {
    status: 503,
    blame: 'server',
    text: 'The system behind this service cannot be reached',
    remedy:
      'Send the request again after the time in Retry-After; the provider sees why at the /health/ready of its adapter',
  },
  source_busy: {
    status: 503,
    blame: 'server',
    text: 'This service has as many requests under way as it takes',
    remedy: 'Send the request again after the time in Retry-After',
  },
  file_changing: {
    status: 503,
    blame: 'server',
    text: 'The file behind this service is being written or replaced',
    remedy: 'Send the request again after the time in Retry-After',
  },
  source_timeout: {
    status: 504,
    blame: 'server',
    text: 'The system behind this service did not answer in time',
    remedy: 'Ask for less, or tell the provider',
  },
  source_interrupted: {
    status: 502,
    blame: 'server',
    text: 'The connection to the system behind this service ended before its answer: the request may have been carried out',
    remedy: 'Ask the service whether it was before it is sent again',
  },
  source_refused: {
    status: 400,
    blame: 'client',
    text: 'The system behind this service refuses the request',
    remedy: "Correct it; the provider finds the refusal by the detail id in its adapter's log",
  },
  source_failed: {
    status: 502,
    blame: 'server',
    text: 'The system behind this service did not answer as the service is described',
    remedy: "Tell the provider; the detail id is in its adapter's log",
  },
  answer_too_large: {
    status: 400,
    blame: 'client',
    text: 'The answer is larger than this service gives at once',
    remedy: 'Ask for fewer rows with limit, or for less with the filters of the service',
  },
  answer_not_makeable: {
    status: 501,
    blame: 'server',
    text: 'No answer can be made by the schema of the description',
    remedy: 'Put an example into the description, or choose another answer with Prefer',
  },
  answer_not_described: {
    status: 400,
    blame: 'client',
    text: 'The description has no such answer',
    remedy: 'Choose one that it has with Prefer: code=, example=',
  },
} satisfies Record<string, FaultEntry>

/**
 * The spans of one half of an exchange (opentelemetry-proto, trace/v1): the whole of it, and its call to the
 * other server or to our system. They name organisations, services and what went wrong by its code; nothing
 * of a message, of a path or of a person.
 */
import { attributesOf, nanoseconds } from '#platform/telemetry/attributes.ts'
import { idText } from '#schemas/identifiers.ts'
import type { Course } from '../../peer/course.ts'

const SERVER = 2
const CLIENT = 3
const ERROR = { code: 2 }

/**
 * None for an exchange that is not recorded in a trace, or of which nothing is known but that somebody came.
 */
export function spansOfCourse(course: Course): object[] {
  const { trace, request, requestOut, requestIn, responseIn, responseOut, fault, half } = course
  if (trace?.spans === undefined || request === undefined) return []
  const { whole, call } = trace.spans
  const end = responseOut ?? requestIn
  const status = fault === undefined ? {} : { status: ERROR }
  const service = idText(request.service)
  const span = {
    ...{ traceId: trace.id, spanId: whole, name: service, kind: SERVER, ...status },
    ...(trace.parent !== undefined && { parentSpanId: trace.parent.span }),
    ...{ startTimeUnixNano: nanoseconds(requestIn), endTimeUnixNano: nanoseconds(end) },
    attributes: attributesOf({
      'concordat.half': half,
      'concordat.protocol': request.protocol,
      'concordat.request_id': request.requestId,
      'concordat.client': idText(request.client),
      'concordat.service': service,
      'concordat.peer': course.peer && idText(course.peer),
      'http.request.method': request.method,
      'http.route': course.endpoint,
      'http.response.status_code': course.status,
      'error.type': fault?.type,
    }),
  }
  if (requestOut === undefined) return [span]
  const called = {
    ...{ traceId: trace.id, spanId: call, parentSpanId: whole, kind: CLIENT, ...status },
    name: half === 'consumer' ? 'call of the other security server' : 'call of the system',
    ...{
      startTimeUnixNano: nanoseconds(requestOut),
      endTimeUnixNano: nanoseconds(responseIn ?? end),
    },
  }
  return [span, called]
}

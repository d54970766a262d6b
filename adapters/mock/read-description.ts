/**
 * Reads a description of either kind. Reading and answering take any amount of time: for a thread that can be
 * ended.
 */
import { answerByOpenApi } from './answer-by-openapi.ts'
import { answerByWsdl } from './answer-by-wsdl.ts'
import type { MockAnswer, MockRequest } from './question.ts'

/** Throws `invalid_input` that says what cannot be read, and where. */
export async function readDescription(text: string): Promise<(request: MockRequest) => Promise<MockAnswer>> {
  // No OpenAPI document begins with the sign that every XML document begins with.
  return text
    .replace(/^\ufeff/, '')
    .trimStart()
    .startsWith('<')
    ? answerByWsdl(text)
    : answerByOpenApi(text)
}

/** What crosses between the listener of a mock and the thread that has its description. */
import type { HeaderList } from '#core/transport/header-list.ts'

export type MockRequest = {
  method: string
  /** Raw, below the service. */
  path: string
  query: string | undefined
  headers: HeaderList
  body: Uint8Array | undefined
}

export type MockAnswer = {
  status: number
  headers: HeaderList
  body: Uint8Array | undefined
}

export type MockQuestion = { act: 'open'; text: string } | { act: 'answer'; request: MockRequest }

/** On every answer, so that nobody takes it for a real one; the value says where the answer is from. */
export const MOCK_HEADER = 'x-concordat-mock'

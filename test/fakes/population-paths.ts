/**
 * Made by openapi-typescript 7.13.0 from the description of the sandbox's population register: what an
 * agency's developer has.
 */

export interface paths {
  '/persons/{code}': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /** One person by personal code */
    get: {
      parameters: {
        query?: never
        header?: never
        path: {
          code: string
        }
        cookie?: never
      }
      requestBody?: never
      responses: {
        /** @description The person */
        200: {
          headers: {
            [name: string]: unknown
          }
          content: {
            'application/json': {
              code: string
              givenName: string
              familyName: string
              /** Format: date */
              born: string
              residence: string
              /** @enum {string} */
              status: 'resident' | 'abroad' | 'deceased'
            }
          }
        }
        /** @description No such person */
        404: {
          headers: {
            [name: string]: unknown
          }
          content?: never
        }
      }
    }
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/persons': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /** Persons by family name */
    get: {
      parameters: {
        query: {
          familyName: string
          limit?: number
        }
        header?: never
        path?: never
        cookie?: never
      }
      requestBody?: never
      responses: {
        /** @description The persons found */
        200: {
          headers: {
            [name: string]: unknown
          }
          content: {
            'application/json': {
              persons: {
                code: string
                givenName: string
                familyName: string
                /** Format: date */
                born: string
                residence: string
                /** @enum {string} */
                status: 'resident' | 'abroad' | 'deceased'
              }[]
            }
          }
        }
      }
    }
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/persons/lookup': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    get?: never
    put?: never
    /** Many persons by personal code */
    post: {
      parameters: {
        query?: never
        header?: never
        path?: never
        cookie?: never
      }
      requestBody?: {
        content: {
          'application/json': {
            codes?: string[]
          }
        }
      }
      responses: {
        /** @description The persons found */
        200: {
          headers: {
            [name: string]: unknown
          }
          content: {
            'application/json': {
              persons: {
                code: string
                givenName: string
                familyName: string
                /** Format: date */
                born: string
                residence: string
                /** @enum {string} */
                status: 'resident' | 'abroad' | 'deceased'
              }[]
            }
          }
        }
      }
    }
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
}

// The shape of an OpenAPI 3.1 document, as far as our own parts make and read it.
import { z } from 'zod';

/** A JSON schema (draft 2020-12). */
export interface JsonSchema {
  $ref?: string;
  type?: string | string[];
  description?: string;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  items?: JsonSchema;
  anyOf?: JsonSchema[];
  allOf?: JsonSchema[];
  additionalProperties?: JsonSchema | boolean;
  enum?: readonly unknown[];
  const?: unknown;
  [keyword: string]: unknown;
}

export interface OpenApiParameter {
  name: string;
  in: 'query' | 'path';
  required: boolean;
  description?: string;
  schema: JsonSchema;
}

/** Either all of an answer, or a reference to one that several routes share. */
export type OpenApiResponse =
  | { $ref: string }
  | { description: string; content: Record<string, { schema: JsonSchema }> };

export interface OpenApiOperation {
  operationId: string;
  summary: string;
  /** Any of these will do; the empty one is none. */
  security: Record<string, string[]>[];
  parameters: OpenApiParameter[];
  responses: Record<string, OpenApiResponse>;
}

export interface OpenApiJson {
  openapi: string;
  info: { title: string; version: string; description: string; license: object };
  servers: { url: string }[];
  /** By path, then by method in small letters. */
  paths: Record<string, Record<string, OpenApiOperation>>;
  components: {
    schemas: Record<string, JsonSchema>;
    responses: Record<string, Exclude<OpenApiResponse, { $ref: string }>>;
    securitySchemes: Record<string, object>;
  };
}

/** Answer of `GET /api/v1/openapi.json`. What it must look like is another specification. */
export const openApiSchema = z.looseObject({
  openapi: z.string(),
  info: z.looseObject({}),
  paths: z.looseObject({}),
  components: z.looseObject({}),
});

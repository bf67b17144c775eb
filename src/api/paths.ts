// Where the routes are, for clients that cannot load their schemas.
import { ROUTE_PLACES } from './generated/route-places.ts';

export { ROUTE_PLACES };
export type RouteName = keyof typeof ROUTE_PLACES;

/** A path with its parameters in it. */
export const pathFor = (path: string, params: Readonly<Record<string, string>> = {}): string =>
  path.replaceAll(/:(\w+)/g, (_, name: string) => encodeURIComponent(params[name]!));

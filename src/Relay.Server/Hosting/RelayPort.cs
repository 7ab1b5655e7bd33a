using Addresses;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Relay.Server.Core;

namespace Relay.Server.Hosting;

/// <summary>By which of our ports a web request came, as a feature of its connection. The operator's own port has none.</summary>
/// <param name="Kind">Which port.</param>
/// <param name="Remote">Who it is, after what a PROXY header says; not valid where the web server knows better.</param>
internal sealed record RelayPort(RelayPortKind Kind, TransportAddress Remote)
{
    /// <summary>What the connection takes up of what connections may; null where nobody counts.</summary>
    public ConnectionLease? Lease { get; init; }

    private static readonly RelayPort Operators = new(RelayPortKind.Admin, default);

    private static readonly RelayPort Http = new(RelayPortKind.Http, default);

    /// <summary>Marks all connections of a port of the web server's own as such for captive-portal checks.</summary>
    public static void MarkHttp(ListenOptions options) => options.Use(next => connection =>
    {
        connection.Features.Set(Http);
        return next(connection);
    });

    public static RelayPort Of(HttpContext context) => context.Features.Get<RelayPort>() ?? Operators;
}

/// <summary>The kinds of port that web requests come by.</summary>
internal enum RelayPortKind
{
    /// <summary>The operator's.</summary>
    Admin,

    /// <summary>A relay port with TLS.</summary>
    Tls,

    /// <summary>A relay port without TLS.</summary>
    Plain,

    /// <summary>The port for captive-portal checks, which sends everybody else to https.</summary>
    Http,
}

using System.Diagnostics.CodeAnalysis;

namespace Relay.Server.Core;

/// <summary>All tenants that have clients, or had some.</summary>
internal sealed class TenantRegistry
{
    /// <summary>The most tenants kept. Where there are as many, those without a connection make room, and a login of one more is refused if none is.</summary>
    public const int MaxTenants = 16_384;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Tenant> _tenants = new(StringComparer.Ordinal);

    /// <summary>What the tenants that had to make room had sent and were sent.</summary>
    public TrafficTotals Forgotten { get; private set; }

    /// <summary>All tenants, as of now.</summary>
    public Tenant[] All
    {
        get
        {
            lock (_lock) return [.. _tenants.Values];
        }
    }

    /// <summary>Gives a connection its tenant, which stays until <see cref="Leave"/>.</summary>
    /// <returns>False where there are too many.</returns>
    public bool TryEnter(string name, [NotNullWhen(true)] out Tenant? tenant)
    {
        lock (_lock)
        {
            if (!_tenants.TryGetValue(name, out tenant))
            {
                if (_tenants.Count >= MaxTenants) ForgetEmpty();
                if (_tenants.Count >= MaxTenants) return false;
                tenant = new Tenant(name);
                _tenants.Add(name, tenant);
            }

            tenant.Connections++;
            return true;
        }
    }

    /// <summary>A connection has left its tenant.</summary>
    public void Leave(Tenant tenant)
    {
        lock (_lock) tenant.Connections--;
    }

    private void ForgetEmpty()
    {
        foreach (Tenant tenant in _tenants.Values.Where(tenant => tenant.Connections == 0).ToArray())
        {
            Forgotten += tenant.Totals;
            _tenants.Remove(tenant.Name);
        }
    }
}

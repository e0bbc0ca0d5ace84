namespace holdfast { namespace { [[maybe_unused]] int placeholder; } }
